/** The invariants of the protocol that the simulator holds a mesh to. Numbers are those of the protocol page. */

import { type MemberRow, compareMembers } from '../../src/protocol/member-row.ts'
import { slotsOfSpec } from '../../src/node/supervision/units.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { type World, outcomeOf } from './world.ts'

export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Checked all the time. */
export class AlwaysChecker {
  readonly #mesh: SimulatedMesh
  readonly #rows = new Map<string, MemberRow>()

  constructor(mesh: SimulatedMesh) {
    this.#mesh = mesh
  }

  check(): void {
    this.#checkRowsGrow()
    this.#checkPlacementIsAFunction()
  }

  /** I2: at each node, for each id, what is known of a member never becomes older. I3: nobody is ahead of the member. */
  #checkRowsGrow(): void {
    for (const id of this.#mesh.up) {
      const { core } = this.#mesh.node(id).inspect()
      for (const row of core.ledger.tables.members.rows()) {
        const key = `${id}.${core.self.boot} ${row.id}`
        const before = this.#rows.get(key)
        if (before !== undefined && compareMembers(before, row) > 0) {
          throw new InvariantError(`I2: ${id} went back from ${text(before)} to ${text(row)}`)
        }
        this.#rows.set(key, row)
        const own = this.#mesh.up.includes(row.id) ? this.#mesh.node(row.id).inspect().core.self : undefined
        if (own !== undefined && (row.boot > own.boot || (row.boot === own.boot && row.seq > own.seq))) {
          throw new InvariantError(`I3: ${id} knows ${text(row)}, ${row.id} itself is at ${text(own)}`)
        }
      }
    }
  }

  /** I11: nodes with the same view and the same specs place every slot alike. */
  #checkPlacementIsAFunction(): void {
    const placements = new Map<string, { readonly id: string; readonly owners: string }>()
    for (const id of this.#mesh.up) {
      const { ledger } = this.#mesh.node(id).inspect().core
      const view = `${ledger.viewHash()} ${ledger.tables.specs.root()}`
      const owners = [...ledger.tables.specs.rows()]
        .flatMap(row => slotsOfSpec(row.id, row.body))
        .map(({ slot }) => `${slot}@${ledger.ownerOf(slot)}`)
        .toSorted()
        .join(' ')
      const other = placements.get(view)
      if (other !== undefined && other.owners !== owners) {
        throw new InvariantError(`I11: ${other.id} places ${other.owners}, ${id} places ${owners}`)
      }
      placements.set(view, { id, owners })
    }
  }
}

/** Checked when the faults have ended and the mesh has had its time. */
export function checkSettled(mesh: SimulatedMesh, world: World): void {
  checkRoots(mesh)
  checkMembers(mesh)
  checkWorkers(mesh, world)
  checkItems(world)
}

/** I9: all nodes know the same. */
function checkRoots(mesh: SimulatedMesh): void {
  const known = mesh.up.map(id => {
    const { viewHash, roots } = mesh.node(id).snapshot()
    return `${viewHash} ${JSON.stringify(roots)}`
  })
  if (new Set(known).size > 1)
    throw new InvariantError(`I9: nodes know different things: ${known.join(' | ')}`)
}

/** I7: everybody who is up is alive for everybody. */
function checkMembers(mesh: SimulatedMesh): void {
  for (const id of mesh.up) {
    const alive = mesh
      .node(id)
      .members()
      .filter(member => member.status === 'alive')
      .map(member => member.id)
    const missing = mesh.up.filter(other => !alive.includes(other))
    if (missing.length > 0) throw new InvariantError(`I7: for ${id}, ${missing.join(', ')} is not alive`)
  }
}

/** I18, I29: every worker runs exactly once, where everybody believes it does, and of one generation for each spec. */
function checkWorkers(mesh: SimulatedMesh, world: World): void {
  const believed = new Set<string>()
  for (const id of mesh.up) {
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
    living => `${living.worker} on ${living.node} as ${living.generation}`,
  )
  const [one, other] = [real.toSorted().join('; '), [...believed].toSorted().join('; ')]
  if (one !== other) throw new InvariantError(`I18: running are [${one}], believed to run are [${other}]`)
}

/** I31: no accepted item is lost while its sender lives; exactly one outcome each, in the order of sending. */
function checkItems(world: World): void {
  for (const stream of world.streams) {
    const wanted = stream.sent.map(outcomeOf)
    const got = stream.outcomes
    for (const [index, outcome] of got.entries()) {
      if (outcome !== wanted[index]) {
        throw new InvariantError(
          `I31: outcome ${index} of ${stream.node} is ${String(outcome)}, not ${wanted[index]}`,
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
