/** A mesh of which the first node is there before those that can run anything. */

import type { Logger } from '../../src/index.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import type { BehaviourSource } from '../../src/node/workers/registry.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { counter } from './behaviours.ts'

export const newer = defineServer('counter', { init: () => ({}), call: { get: () => 2 } }, { version: '2' })
export const hits = { id: 'hits', run: counter, args: [1] } as const
export const line = {
  id: 'line',
  members: [
    { id: 'a', run: counter, args: [1] },
    { id: 'b', run: newer },
  ],
} as const
export const statusAt = (mesh: SimulatedMesh, node: string, id: string) =>
  mesh
    .node(node)
    .snapshot()
    .specs.find(spec => spec.id === id)?.status

export const comeTo = (mesh: SimulatedMesh, id: string, kind: string): Promise<void> =>
  mesh.until(`${id} is ${kind}`, () => mesh.up.every(node => statusAt(mesh, node, id)?.kind === kind), 20_000)

/** Longer than anything is on its way. */
const PARTING_MS = 100

/** n1 can run nothing, and is there first; n2, n3 come later. */
export async function early(
  later: readonly BehaviourSource[],
  {
    logger,
    of,
  }: { readonly logger?: Logger; readonly of?: Readonly<Record<string, readonly BehaviourSource[]>> } = {},
): Promise<SimulatedMesh> {
  const behavioursOf = { n1: [], ...of }
  const mesh = await simulate({
    behaviours: later,
    behavioursOf,
    ...(logger === undefined ? {} : { logger }),
  })
  for (const name of ['n2', 'n3']) mesh.crash(name)
  // What they had sent may still come, and make members of them that are dead soon.
  await mesh.run(PARTING_MS)
  await mesh.until('n1 is alone', () => mesh.node('n1').members().length === 1, 20_000)
  return mesh
}
