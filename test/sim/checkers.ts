/** The invariants of the protocol that the simulator holds a mesh to. Numbers are those of `docs/invariants.md`. */

import { isSameRun } from '../../src/ids.ts'
import { type MemberRow, compareMembers } from '../../src/protocol/member-row.ts'
import { slotsOfSpec, unitsOfSpec } from '../../src/node/supervision/units.ts'
import { boundsOf, place } from '../../src/placement/placement.ts'
import type { Unit } from '../../src/placement/unit.ts'
import { type Candidate, candidateText, declinesOf } from '../../src/placement/view.ts'
import type { Node } from '../../src/node/node.ts'
import { countOf } from '../../src/protocol/fencing-token.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'
import { OwnershipChecker } from './ownership-checker.ts'
import type { Rebels } from './rebels.ts'
import { RestartChecker } from './restart-checker.ts'
import { StormChecker } from './storm-checker.ts'
import { StrayChecker } from './stray-checker.ts'
import { type World, outcomeOf } from './world.ts'

/** What has been seen of one run of a node. */
interface Seen {
  readonly node: Node
  /** The number of the run. */
  readonly boot: number
  readonly members: Map<string, MemberRow>
  /** Which runs have left, as this node knows: `id boot`. */
  readonly left: Set<string>
  /** The largest number with which it has known a run as dead. */
  readonly dead: Map<string, number>
  /** The digest of the claims. */
  claims: string
  /** So many workers may leave at once: two, or as many as have begun to while the node was emptied. */
  outMax: number
  placement: Placement | undefined
}

/** So many results of the specification are kept: nodes mostly place the same. */
const PLACEMENTS_KEPT = 64

/** Checked all the time: only what has changed since the last time is looked at. */
export class AlwaysChecker {
  readonly #mesh: SimulatedMesh
  readonly #world: World
  readonly #rebels: Rebels
  readonly #seen = new Map<string, Seen>()
  /** What the specification makes of a view and specs. */
  readonly #wanted = new Map<string, ReadonlyMap<string, string>>()
  readonly #restarts: RestartChecker
  readonly #ownership: OwnershipChecker
  readonly #strays: StrayChecker
  readonly #storms: StormChecker

  constructor(mesh: SimulatedMesh, world: World, rebels: Rebels) {
    this.#mesh = mesh
    this.#world = world
    this.#rebels = rebels
    this.#restarts = new RestartChecker(mesh)
    this.#ownership = new OwnershipChecker(mesh, world)
    this.#strays = new StrayChecker(mesh)
    this.#storms = new StormChecker(mesh)
  }

  /** How often two have run the same worker where they could tell each other. */
  get twiceCount(): number {
    return this.#ownership.twiceCount
  }

  /** `soundSinceMs`: since when no packet is lost and no link narrow; Infinity while one is. */
  check(soundSinceMs: number): void {
    // The last look may be long ago, as while a node starts: what has been overruled since then does not live.
    this.#rebels.look(this.#mesh)
    const up = this.#mesh.up.map(id => ({ id, seen: this.#seenOf(id) }))
    for (const { id, seen } of up) {
      this.#checkRowsGrow(id, seen)
      checkBoot(id, seen)
      checkMovement(id, seen)
      this.#checkPlacement(id, seen)
    }
    this.#checkGenerations()
    this.#strays.check()
    this.#storms.check()
    this.#restarts.check(this.#world.crashes)
    const violation = this.#world.violation ?? this.#restarts.violation ?? this.#ownership.check(soundSinceMs)
    if (violation !== undefined) throw new InvariantError(violation)
  }

  #seenOf(id: string): Seen {
    const node = this.#mesh.node(id)
    const known = this.#seen.get(id)
    if (known?.node === node) return known
    const seen: Seen = {
      node,
      boot: node.inspect().core.self.boot,
      members: new Map(),
      left: new Set(),
      dead: new Map(),
      claims: '',
      outMax: 2,
      placement: undefined,
    }
    this.#seen.set(id, seen)
    return seen
  }

  /** I24, I29: on one node, all living members of a group whose members share their fate are of one generation. */
  #checkGenerations(): void {
    // A member that was added or started anew by a user is of a later generation than its siblings.
    if (this.#world.isEdited) return
    const seen = new Map<string, number>()
    for (const { worker, node, generation } of this.#world.living.values()) {
      if (!worker.startsWith('line/')) continue
      const other = seen.get(node)
      if (other !== undefined && other !== generation)
        throw new InvariantError(`I24: on ${node}, members of generations ${other} and ${generation} live`)
      seen.set(node, generation)
    }
  }

  /**
   * I2: at each node, for each id, what is known of a member never becomes older. I3: nobody is ahead of the member
   * itself.
   */
  #checkRowsGrow(id: string, seen: Seen): void {
    const { node, members } = seen
    for (const row of node.inspect().core.ledger.tables.members.rows()) {
      const before = members.get(row.id)
      if (before === row) continue
      if (before !== undefined && compareMembers(before, row) > 0) {
        throw new InvariantError(`I2: ${id} went back from ${text(before)} to ${text(row)}`)
      }
      members.set(row.id, row)
      checkEnds(id, row, seen)
      const own = this.#mesh.up.includes(row.id) ? this.#mesh.node(row.id).inspect().core.self : undefined
      if (own !== undefined && (row.boot > own.boot || (row.boot === own.boot && row.seq > own.seq))) {
        throw new InvariantError(`I3: ${id} knows ${text(row)}, ${row.id} itself is at ${text(own)}`)
      }
    }
  }

  /**
   * I11: every node places every slot as the specification says, and so alike on equal views and specs. I12: from one
   * look to the next nothing moves without a reason.
   */
  #checkPlacement(id: string, seen: Seen): void {
    const { ledger } = seen.node.inspect().core
    const key = `${ledger.viewHash()} ${ledger.tables.specs.root()}`
    const { placement: before } = seen
    if (before?.key === key) return
    const nodes = ledger.view()
    const specs = [...ledger.tables.specs.rows()]
    const units = specs.flatMap(unitsOfSpec)
    const owners = new Map<string, string>()
    const wanted = this.#wantedOf(nodes, units, ledger.tables.specs.root())
    for (const { slot } of specs.flatMap(row => slotsOfSpec(row.id, row.body))) {
      const owner = ledger.ownerOf(slot)
      if (owner !== undefined) owners.set(slot, owner)
      if (owner === wanted.get(slot)) continue
      throw new InvariantError(`I11: ${id} places ${slot} on ${owner}, not on ${wanted.get(slot)}`)
    }
    const after = { key, owners, nodes, units }
    if (before !== undefined) checkMoves(id, before, after)
    seen.placement = after
  }

  /** Of nodes whose specs have the same digest, as they have the same units. */
  #wantedOf(nodes: readonly Candidate[], units: readonly Unit[], specs: string): ReadonlyMap<string, string> {
    const key = `${nodes.map(candidateText).join(' ')} ${specs}`
    const known = this.#wanted.get(key)
    if (known !== undefined) return known
    const wanted = new Map(
      [...place(nodes, units, undefined, declinesOf(nodes))].map(([slot, { node }]) => [slot, node]),
    )
    if (this.#wanted.size >= PLACEMENTS_KEPT) this.#wanted.clear()
    this.#wanted.set(key, wanted)
    return wanted
  }
}

/** I4: who has left is over for good; who was dead lives only by a larger number of its own. */
function checkEnds(id: string, row: MemberRow, { left, dead }: Seen): void {
  const run = `${row.id} ${row.boot}`
  if (row.status === 'left') left.add(run)
  else if (row.status === 'dead') dead.set(run, Math.max(row.seq, dead.get(run) ?? 0))
  else if (left.has(run) || row.seq <= (dead.get(run) ?? -1))
    throw new InvariantError(`I4: for ${id}, ${text(row)} is back from ${dead.get(run) ?? 'good'}`)
}

/** I7: a new run is what a process begins with, and not what a node makes of itself. */
function checkBoot(id: string, { node, boot }: Seen): void {
  const { self } = node.inspect().core
  if (self.boot !== boot) throw new InvariantError(`I7: ${id} was run ${boot}, and is ${text(self)} now`)
}

/** I23: no more than two workers leave a node at once that neither leaves itself nor is emptied. */
function checkMovement(id: string, seen: Seen): void {
  const { ledger, self } = seen.node.inspect().core
  const claims = ledger.tables.claims.root()
  if (claims === seen.claims) return
  seen.claims = claims
  let out = 0
  for (const { state, owner } of ledger.tables.claims.rows())
    if (state === 'draining' && isSameRun(owner, self)) out += 1
  const isEmptied = self.isDraining === true
  if (!isEmptied && out > seen.outMax) throw new InvariantError(`I23: ${out} workers leave ${id}`)
  seen.outMax = Math.max(2, out)
}

/** What a node has placed where, and from what that follows. */
interface Placement {
  readonly key: string
  readonly owners: ReadonlyMap<string, string>
  readonly nodes: readonly Candidate[]
  readonly units: readonly Unit[]
}

/**
 * I12: a slot moves off a node that is gone, is not as it was, or is full now; or onto one that is new, is not as it
 * was, or was full before. Whatever else moves, moves for nothing.
 */
function checkMoves(node: string, before: Placement, after: Placement): void {
  const moved = after.units.filter(({ id }) => {
    const [from, to] = [before.owners.get(id), after.owners.get(id)]
    return from !== to && from !== undefined && to !== undefined
  })
  if (moved.length === 0) return
  const texts = new Map(before.nodes.map(candidate => [candidate.id, candidateText(candidate)]))
  const same = new Set<string>(
    after.nodes.filter(each => texts.get(each.id) === candidateText(each)).map(candidate => candidate.id),
  )
  const units = new Map(before.units.map(unit => [unit.id, unit]))
  for (const unit of moved) {
    const [from = '', to = ''] = [before.owners.get(unit.id), after.owners.get(unit.id)]
    const isExcused =
      !same.has(from) ||
      !same.has(to) ||
      unit.zone !== undefined ||
      JSON.stringify(units.get(unit.id)) !== JSON.stringify(unit)
    // Asked for the few that nothing else excuses: it takes as long as all the rest.
    if (isExcused || fullOf(before)(to, unit.spread) || fullOf(after)(from, unit.spread)) continue
    throw new InvariantError(`I12: ${node} moves ${unit.id} from ${from} to ${to} for no reason`)
  }
}

/** Whether a node had no room for another unit, or for another one of its spread. */
function fullOf({ nodes, units, owners }: Placement): (node: string, spread: string | undefined) => boolean {
  const { capacityOf, roomOf } = boundsOf(nodes, units)
  return (node, spread) => {
    const held = units.filter(unit => owners.get(unit.id) === node)
    const kin = held.filter(unit => unit.spread === spread)
    const isSpreadFull = spread !== undefined && kin.length >= (roomOf.get(spread) ?? 1)
    return isSpreadFull || held.length >= (capacityOf.get(node) ?? 1)
  }
}

/** I49: whatever was cut, everybody has a session with everybody again. */
export function checkConnected(mesh: SimulatedMesh): void {
  for (const id of mesh.up) {
    const { membership } = mesh.node(id).inspect().core.ledger
    const missing = mesh.up.filter(other => other !== id && !membership.isConnected(other))
    if (missing.length > 0) throw new InvariantError(`I49: ${id} has no session with ${missing.join(', ')}`)
  }
}

/** Whether all nodes have sessions with each other, and know the same. */
export function isCalm(mesh: SimulatedMesh): boolean {
  const isConnected = (id: string): boolean => {
    const { membership } = mesh.node(id).inspect().core.ledger
    return mesh.up.every(other => other === id || membership.isConnected(other))
  }
  return mesh.up.every(isConnected) && new Set(knownBy(mesh)).size === 1
}

/** Checked when the faults have ended and the mesh has had its time. */
export function checkSettled(mesh: SimulatedMesh, world: World): void {
  checkRoots(mesh)
  checkMembers(mesh)
  checkBorders(mesh)
  checkWorkers(mesh, world)
  checkItems(world)
}

/** I9: all nodes know the same. */
function checkRoots(mesh: SimulatedMesh): void {
  const known = knownBy(mesh)
  if (new Set(known).size > 1)
    throw new InvariantError(`I9: nodes know different things: ${known.join(' | ')}`)
}

/** The digest of what each node that is up knows. */
function knownBy(mesh: SimulatedMesh): string[] {
  return mesh.up.map(id => {
    const { ledger } = mesh.node(id).inspect().core
    return `${ledger.viewHash()} ${JSON.stringify(ledger.tables.roots())}`
  })
}

/** I7: everybody who is up is alive for everybody, in its present run. I6: everybody else is dead, or has left. */
function checkMembers(mesh: SimulatedMesh): void {
  for (const id of mesh.up) {
    for (const row of mesh.node(id).inspect().core.ledger.tables.members.rows()) {
      const isUp = mesh.up.includes(row.id)
      const isOver = row.status === 'dead' || row.status === 'left'
      if (!isUp && !isOver) throw new InvariantError(`I6: for ${id}, ${text(row)} is not gone`)
    }
    for (const other of mesh.up) {
      const { self, ledger } = mesh.node(other).inspect().core
      const row = mesh.node(id).inspect().core.ledger.tables.members.get(other)
      if (row?.status === 'alive' && row.boot === ledger.run.boot) continue
      const known = row === undefined ? 'not known' : text(row)
      throw new InvariantError(`I7: for ${id}, ${other} is ${known}; it is ${text(self)}`)
    }
  }
}

/** I10: no node has had to refuse what another has sent: no frame was too large, and nothing came too often. */
function checkBorders(mesh: SimulatedMesh): void {
  for (const id of mesh.up) {
    const { violations, floods, oversize, implausible, last } = mesh.node(id).snapshot().border
    if (violations + floods + oversize + implausible > 0)
      throw new InvariantError(`I10: ${id} has refused something: ${JSON.stringify(last)}`)
  }
}

/**
 * I18, I29: every worker runs exactly once, where everybody believes it does, and of one generation for each spec. Stages
 * do not note themselves that they run: of those, each node runs what it believes to.
 */
function checkWorkers(mesh: SimulatedMesh, world: World): void {
  const believed = new Set<string>()
  for (const id of mesh.up) {
    checkHost(mesh, id)
    for (const spec of mesh.node(id).snapshot().specs) {
      if (spec.status.kind !== 'running') {
        throw new InvariantError(`I15: for ${id}, ${spec.id} is ${JSON.stringify(spec.status)}`)
      }
      if (spec.kind === 'chain') continue
      for (const { slot, node, generation } of spec.workers)
        believed.add(`${slot} on ${node} as ${generation}`)
    }
  }
  const real = [...world.living.values()].map(
    living => `${living.worker} on ${living.node} as ${countOf(living.generation)}`,
  )
  const [one, other] = [real.toSorted().join('; '), [...believed].toSorted().join('; ')]
  if (one !== other) throw new InvariantError(`I18: running are [${one}], believed to run are [${other}]`)
}

/** I17, I18: what a node runs is what it believes to run, stages and all, and nothing of what it does not know any more. */
function checkHost(mesh: SimulatedMesh, id: string): void {
  const node = mesh.node(id)
  const { specs, workers } = node.snapshot()
  const real = specs.flatMap(spec => node.inspect().host.slotsOf(spec.id)).toSorted()
  const own = specs.flatMap(spec => spec.workers.filter(each => each.node === id).map(({ slot }) => slot))
  const believed = own.toSorted().join(', ')
  if (real.join(', ') !== believed || workers.inline !== real.length)
    throw new InvariantError(
      `I18: ${id} runs ${workers.inline} workers, [${real.join(', ')}], and believes to run [${believed}]`,
    )
}

/** I31: no accepted item is lost while its sender lives; exactly one outcome each, in the order of sending. */
function checkItems(world: World): void {
  for (const stream of world.streams) {
    const wanted = stream.sent.map(outcomeOf)
    const got = stream.outcomes
    for (const [index, outcome] of got.entries()) {
      if (JSON.stringify(outcome) !== JSON.stringify(wanted[index])) {
        throw new InvariantError(
          `I31, I37: outcome ${index} of ${stream.node} is ${JSON.stringify(outcome)}, not ${JSON.stringify(wanted[index])}`,
        )
      }
    }
    if (stream.isOrphan) continue
    if (stream.error !== undefined)
      throw new InvariantError(`I31: a stream of ${stream.node} failed: ${stream.error}`)
    if (got.length !== wanted.length) {
      throw new InvariantError(
        `I31: ${stream.node} sent ${wanted.length} items and got ${got.length} outcomes`,
      )
    }
  }
}

function text(row: MemberRow): string {
  return `${row.id} boot ${row.boot} seq ${row.seq} ${row.status}`
}
