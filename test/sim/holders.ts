/** Who has known something, as far as it is still there: what all of those have forgotten by dying may be lost. */

import type { NodeId } from '../../src/ids.ts'
import type { SimulatedMesh } from '../../src/testing.ts'

/** Names one run of a node. */
export function runText(node: string, run: number): string {
  return `${node} ${run}`
}

/** The runs that are there, also those that leave, and have known it before, or do now. */
export function runsOf(
  mesh: SimulatedMesh,
  before: readonly string[],
  knows: (node: NodeId) => boolean,
): readonly string[] {
  return [...mesh.up, ...mesh.leaving].flatMap(node => {
    const run = runText(node, mesh.runOf(node))
    return before.includes(run) || knows(node) ? [run] : []
  })
}
