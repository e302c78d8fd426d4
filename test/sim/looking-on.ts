/** Whatever a schedule waits for, as that a node starts or has left, which may take seconds: the checks look on meanwhile. */

import type { SimulatedMesh } from '../../src/testing.ts'

/** The checks look as often as that. */
export const LOOK_MS = 50

/** Calls `look` whenever the mesh waits for something, so that nothing that happens is changed by it. */
export function lookOn(mesh: SimulatedMesh, look: () => void): void {
  const until = mesh.until.bind(mesh)
  let dueMs = mesh.nowMs
  mesh.until = async (what, condition, withinMs) => {
    const isSo = (): boolean => {
      if (mesh.nowMs >= dueMs) {
        dueMs = mesh.nowMs + LOOK_MS
        look()
      }
      return condition()
    }
    return until(what, isSo, withinMs)
  }
}
