/**
 * A node that stands alone for some moments, and takes itself for the first one, meets the mesh: what runs there goes
 * on where it is, or moves as a further generation. Of one generation there is one owner (I16, I17).
 */

import type { NodeId } from '../../src/ids.ts'
import type { Prng } from '../../src/prng.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { isCalm } from './checkers.ts'
import { InvariantError } from './invariant-error.ts'

/** So many schedules begin so. */
const LATE_SHARE = 0.15
/** The others have noticed that the node is gone, and run what it ran. */
const RECOVERY_MS = 4_000
/** Long enough for all that comes of a meeting by itself, but for handoffs. */
const MEETING_MS = 1_500

/** @returns whether this schedule begins so */
export async function meetLate(
  mesh: SimulatedMesh,
  prng: Prng,
  crash: (mesh: SimulatedMesh, node: NodeId) => void,
): Promise<boolean> {
  if (!prng.chance(LATE_SHARE)) return false
  const late = prng.pick(mesh.up)
  const others = mesh.up.filter(node => node !== late)
  crash(mesh, late)
  await mesh.run(RECOVERY_MS)
  await mesh.until('the others know the same', () => isCalm(mesh))
  mesh.partition(others, [late])
  await mesh.start(late)
  const [witness = late] = others
  const before = ownersOf(mesh, witness)
  mesh.heal()
  await mesh.until('they meet', () =>
    mesh.ids.every(name => mesh.node(name).members().length === mesh.ids.length),
  )
  await mesh.run(MEETING_MS)
  const after = ownersOf(mesh, witness)
  for (const [generation, owner] of before) {
    const now = after.get(generation) ?? owner
    if (now !== owner) throw new InvariantError(`I16: ${generation} was of ${owner}, and is of ${now}`)
  }
  return true
}

/** Who has made what, by the key of a row and its generation. */
function ownersOf(mesh: SimulatedMesh, node: string): Map<string, string> {
  const { claims, phases } = mesh.node(node).inspect().core.ledger.tables
  return new Map([
    ...claims.rows().map(({ slot, generation, owner }) => [`${slot} ${generation}`, owner.id] as const),
    ...phases
      .rows()
      .map(({ spec, generation: { number, tag } }) => [`${spec} ${number}`, String(tag)] as const),
  ])
}
