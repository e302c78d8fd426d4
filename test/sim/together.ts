/**
 * Two nodes start together while a mesh runs, and may greet each other before it has answered: they take work when it has
 * told them what it knows, and not because neither of them lacks anything that the other has (I53).
 */

import type { NodeId } from '../../src/ids.ts'
import type { Prng } from '../../src/prng.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { isCalm } from './checkers.ts'
import { InvariantError } from './invariant-error.ts'

/** So many schedules begin so. */
const TOGETHER_SHARE = 0.15
/** The others have noticed that the two are gone, and run what they ran. */
const RECOVERY_MS = 4_000
/** Of two dials, one may take longer than the other and all that is said then: by chance, and seldom. */
const UNEVEN = { latencyMs: 1, jitterMs: 150 }
const EVEN = { latencyMs: 1, jitterMs: 1 }

export interface TogetherInit {
  readonly prng: Prng
  readonly crash: (mesh: SimulatedMesh, node: NodeId) => void
  /** Whom a node knows when it starts. */
  readonly seedsOf: (node: NodeId) => readonly NodeId[]
}

/** @returns whether this schedule begins so */
export async function meetTogether(mesh: SimulatedMesh, init: TogetherInit): Promise<boolean> {
  const { prng, crash, seedsOf } = init
  if (!prng.chance(TOGETHER_SHARE)) return false
  const late = prng.shuffle(mesh.up).slice(0, 2)
  const others = mesh.up.filter(node => !late.includes(node))
  for (const node of late) crash(mesh, node)
  await mesh.run(RECOVERY_MS)
  await mesh.until('the others know the same', () => isCalm(mesh))
  mesh.setConditions(UNEVEN)
  const isDialling =
    late.some(node => seedsOf(node).some(seed => others.includes(seed))) &&
    // One that dials nobody takes itself for the first one after a moment: the other one takes its word then.
    late.every(node => seedsOf(node).length > 0)
  await startTogether(mesh, isDialling ? late : [], late)
  mesh.setConditions(EVEN)
  await mesh.until('they meet', () =>
    mesh.ids.every(name => mesh.node(name).members().length === mesh.ids.length),
  )
  return true
}

/**
 * Starts `late` at once. Those that `dial` somebody, one of them somebody who runs, know all that runs when they take work,
 * but for those whose time is up. @throws {InvariantError}
 */
export async function startTogether(
  mesh: SimulatedMesh,
  dial: readonly NodeId[],
  late: readonly NodeId[],
): Promise<void> {
  const [witness] = mesh.up
  const wanted = witness === undefined ? [] : specsAt(mesh, witness)
  const sinceMs = mesh.nowMs
  await mesh.startAll(late)
  if (mesh.nowMs - sinceMs >= LAN_TIMINGS.joinSyncMs) return
  for (const node of dial) {
    const known = specsAt(mesh, node)
    const missing = wanted.filter(id => !known.includes(id))
    if (missing.length > 0)
      throw new InvariantError(`I53: ${node} takes work, and has not heard of ${missing.join()}`)
  }
}

const specsAt = (mesh: SimulatedMesh, node: string): string[] =>
  mesh
    .node(node)
    .inspect()
    .core.ledger.tables.specs.rows()
    .map(({ id }) => id)
    .toArray()
