/** The first thing that most scenarios wait for. */

import type { SimulatedMesh } from '../../src/testing.ts'

/** Waits until each node that is up has as many members as nodes are. */
export function allSeeAll(mesh: SimulatedMesh, withinMs?: number): Promise<void> {
  const isSo = (): boolean => mesh.up.every(id => mesh.node(id).members().length === mesh.up.length)
  return mesh.until('all see all', isSo, withinMs)
}
