/**
 * Who has a worker, as it really is: I16 (who claims it outbids the one before), I17 (nobody has what another one has),
 * I23 (nothing moves in turmoil), and I44 (what comes for one that has moved goes after it, and not for ever).
 */

import type { Node } from '../../src/node/node.ts'
import { isSameRun } from '../../src/ids.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { type FencingToken, compareTokens, runTag, tokenOf } from '../../src/protocol/fencing-token.ts'
import { givesAway } from '../../src/protocol/member-row.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import type { Living, World } from './world.ts'

/**
 * I17: where two run the same worker, and nothing has kept them apart for so long, one of them has stopped. A packet that
 * is lost five times holds up what comes after it for 6.2 s, and on a narrow link news waits behind whole tables (seed 79).
 * What is over sooner passes.
 */
const TWICE_MS_MAX = 7_000

/**
 * The same where no packet has been lost, and no link narrow, for `TWICE_MS_MAX`. In 300 schedules it took 300 ms at most, 200 ms of it for a
 * worker that does not stop by itself.
 */
const TWICE_SOUND_MS_MAX = 1_000

/** I23: a view is settled when it has not changed for so long. */
const SETTLED_MS = Math.max(1_000, 2 * LAN_TIMINGS.probePeriodMs)

/** I44: a cast or message is sent on so often: to a later worker each time, see `worker-faults.ts`. */
const HOPS_MAX = 3

/** What has been seen of one run of a node, by its own clock. */
interface Seen {
  readonly node: Node
  view: string
  /** A moment before it has changed last; -Infinity: it has not since the node was first seen. */
  changedMs: number
  lookedMs: number
}

export class OwnershipChecker {
  readonly #mesh: SimulatedMesh
  readonly #world: World
  readonly #seen = new Map<string, Seen>()
  /** Since when two have been able to tell each other that they have the same worker. */
  #twice = new Map<string, number>()
  #violation: string | undefined
  #pairs: readonly Pair[] = []
  /** What had changed when they were looked for. */
  #pairsAt = -1
  /** How often a worker has run twice where its nodes could tell each other. */
  twiceCount = 0

  constructor(mesh: SimulatedMesh, world: World) {
    this.#mesh = mesh
    this.#world = world
  }

  /** `soundSinceMs`: since when no packet is lost and no link narrow; Infinity while one is. @returns what is wrong */
  check(soundSinceMs: number): string | undefined {
    this.#followViews()
    const isSound = this.#mesh.nowMs - soundSinceMs > TWICE_MS_MAX
    return this.#violation ?? this.#findTwice(isSound ? TWICE_SOUND_MS_MAX : TWICE_MS_MAX)
  }

  #findTwice(limitMs: number): string | undefined {
    const before = this.#twice
    this.#twice = new Map()
    for (const [pair, one, other] of this.#findPairs()) {
      if (!this.#areInTouch(one, other)) continue
      const sinceMs = before.get(pair)
      if (sinceMs === undefined) this.twiceCount += 1
      this.#twice.set(pair, sinceMs ?? this.#mesh.nowMs)
      const forMs = this.#mesh.nowMs - (sinceMs ?? this.#mesh.nowMs)
      if (forMs > limitMs) return `I17: ${one.worker} has run twice for ${forMs} ms: ${pair}`
    }
    return undefined
  }

  #findPairs(): readonly Pair[] {
    const { living } = this.#world
    if (living.changes !== this.#pairsAt) {
      this.#pairsAt = living.changes
      this.#pairs = [...pairsOf(living)]
    }
    return this.#pairs
  }

  #areInTouch(one: Living, other: Living): boolean {
    const nodes = [one.node, other.node]
    const { awake } = this.#mesh
    if (!nodes.every(name => awake.some(id => id === name))) return false
    if (one.node === other.node) return true
    const [a, b] = awake.filter(id => nodes.includes(id))
    if (a === undefined || b === undefined || this.#mesh.isCut(a, b)) return false
    const knows = (from: typeof a, to: typeof a): boolean =>
      this.#mesh.node(from).inspect().core.ledger.membership.isConnected(to)
    return knows(a, b) && knows(b, a)
  }

  /** I23: a view that has changed by this look has done so after the one before, and no later than now. */
  #followViews(): void {
    for (const id of this.#mesh.awake) this.#look(id, this.#seenOf(id))
  }

  #look(id: string, seen: Seen): void {
    const view = seen.node.inspect().core.ledger.viewHash()
    if (view !== seen.view) Object.assign(seen, { view, changedMs: seen.lookedMs })
    seen.lookedMs = this.#mesh.timeOf(id)
  }

  /** A worker may leave within less than the time between two looks. */
  #onClaim(id: string, seen: Seen, { slot, state }: Claim): void {
    // One that leaves, or is emptied, cannot wait.
    if (state !== 'draining' || givesAway(seen.node.inspect().core.self)) return
    this.#look(id, seen)
    const afterMs = this.#mesh.timeOf(id) - seen.changedMs
    if (afterMs < SETTLED_MS)
      this.#violation ??= `I23: ${slot} leaves ${id}, whose view has changed ${afterMs} ms before`
  }

  /** I16: whoever claims a worker has a larger token than the one before, as far as it knows. */
  #checkToken(id: string, before: Claim | undefined, claim: Claim): void {
    if (before === undefined) return
    const isHeld = before.generation === claim.generation && isSameRun(before.owner, claim.owner)
    if (!isHeld && compareTokens(tokenOfClaim(claim), tokenOfClaim(before)) <= 0)
      this.#violation ??= `I16: ${id} writes ${JSON.stringify(claim)} after ${JSON.stringify(before)}`
  }

  #seenOf(id: string): Seen {
    const node = this.#mesh.node(id)
    const known = this.#seen.get(id)
    if (known?.node === node) return known
    const { ledger } = node.inspect().core
    const lookedMs = this.#mesh.timeOf(id)
    const seen: Seen = { node, view: ledger.viewHash(), changedMs: -Infinity, lookedMs }
    this.#seen.set(id, seen)
    const write = ledger.writeClaim.bind(ledger)
    ledger.writeClaim = claim => {
      this.#onClaim(id, seen, claim)
      this.#checkToken(id, ledger.tables.claims.get(claim.slot), claim)
      write(claim)
    }
    const { outbox } = node.inspect().plane
    const keep = outbox.keep.bind(outbox)
    outbox.keep = (slot, packed, after) => {
      if (packed.hops > HOPS_MAX)
        this.#violation ??= `I44: ${id} sends on what is for ${slot}: ${packed.hops} times by now`
      keep(slot, packed, after)
    }
    return seen
  }
}

/** What its worker runs with. */
export function tokenOfClaim({ generation, score, owner }: Claim): FencingToken {
  return tokenOf({ number: generation, tag: score }, runTag(owner))
}

/** Two who run the same worker, and a name for both. */
type Pair = readonly [string, Living, Living]

/** All who run the same worker, two by two. */
function* pairsOf(living: ReadonlyMap<string, Living>): Generator<Pair> {
  const first = new Map<string, [string, Living][]>()
  for (const [key, one] of living) {
    const others = first.get(one.worker)
    if (others === undefined) first.set(one.worker, [[key, one]])
    else {
      for (const [otherKey, other] of others) yield [`${otherKey} and ${key}`, other, one]
      others.push([key, one])
    }
  }
}
