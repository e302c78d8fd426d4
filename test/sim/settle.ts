/** The end of a schedule: what is still on its way has time to come. */

import type { SimulatedMesh } from '../../src/testing.ts'
import { checkSettled } from './checkers.ts'
import type { World } from './world.ts'

const LOOK_MS = 100

/** So long after the last change, all is settled (I9). */
export function settleMs(mesh: SimulatedMesh): number {
  return (3 * Math.ceil(Math.log2(mesh.ids.length)) + 5) * 1_000
}

/** Checks that all is settled, or soon is: a worker may just be moving. */
export async function settle(mesh: SimulatedMesh, world: World): Promise<void> {
  for (const untilMs = mesh.nowMs + settleMs(mesh); ; await mesh.run(LOOK_MS)) {
    try {
      checkSettled(mesh, world)
      return
    } catch (error) {
      if (mesh.nowMs >= untilMs) throw error
    }
  }
}
