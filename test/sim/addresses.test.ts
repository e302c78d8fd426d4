/** Whoever asks at an id where nobody is, is told at once. */

import { expect, test } from 'vitest'

import { specId } from '../../src/ids.ts'
import { type Node, defineServer, defineStage } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const server = defineServer('server', {
  init: context => ({ context }),
  call: {
    get: () => 'here',
    /** What comes of a call, a cast and a message to `id`. */
    attempt: async (state, id: string): Promise<readonly string[]> => {
      const ref = state.context.getWorker(id, server)
      const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error))
      const tried = (action: () => void): string => {
        try {
          action()
          return 'fine'
        } catch (error) {
          return nameOf(error)
        }
      }
      return [
        await ref.call.get().catch(nameOf),
        tried(() => ref.cast.note()),
        tried(() => ref.send('message')),
      ]
    },
  },
  cast: { note: () => {} },
  info: () => {},
})
const stage = defineStage('stage', (n: number) => n)
const PATIENCE_MS = 1_000

async function scene(nodes: number): Promise<{ mesh: SimulatedMesh; node: Node }> {
  const labelsOf = { [`n${nodes}`]: { far: 'yes' } }
  const placement = { labels: { far: 'yes' } }
  const mesh = await simulate({ nodes, behaviours: [server, stage], labelsOf })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  await mesh.settle(node.addWorker({ id: 'asker', run: server }))
  await mesh.settle(node.addWorker({ id: 'w', run: server, placement }))
  await mesh.settle(node.addGroup({ id: 'g', members: [{ id: 'm', run: server }], placement }))
  await mesh.settle(node.addChain({ id: 'c', stages: [{ id: 's', run: stage }], placement }))
  // Until then, a worker of a stage is nobody there.
  const isRunningAt = (id: string): boolean =>
    mesh.node(id).inspect().core.statusOf(specId('c'))?.kind === 'running'
  await mesh.until('the chain runs for all', () => mesh.up.every(isRunningAt))
  return { mesh, node }
}

const ROWS = [
  ['w', ['here', 'fine', 'fine']],
  ['g/m', ['here', 'fine', 'fine']],
  ['nobody', ['NotFoundError', 'NotFoundError', 'NotFoundError']],
  ['w/more', ['NotFoundError', 'NotFoundError', 'NotFoundError']],
  ['g', ['NotFoundError', 'NotFoundError', 'NotFoundError']],
  ['g/nobody', ['NotFoundError', 'NotFoundError', 'NotFoundError']],
  ['g/x/m', ['NotFoundError', 'NotFoundError', 'NotFoundError']],
  ['c', ['NotFoundError', 'NotFoundError', 'NotFoundError']],
  ['c/s', ['NotFoundError', 'NotFoundError', 'NotFoundError']],
  // It is there, and takes neither: what has no answer is dropped and counted.
  ['c/s/0', ['RemoteError', 'fine', 'fine']],
] as const

test.each(ROWS.flatMap(([id, outcomes]) => [1, 2].map(nodes => [id, nodes, outcomes] as const)))(
  'who asks at "%s" on %i nodes is told at once',
  async (id, nodes, outcomes) => {
    const { mesh, node } = await scene(nodes)
    const before = mesh.nowMs
    const asker = node.getWorker('asker', server).with({ timeoutMs: PATIENCE_MS })
    expect(await mesh.settle(asker.call.attempt(id))).toEqual(outcomes)
    expect(mesh.nowMs - before).toBeLessThan(PATIENCE_MS)
  },
)

test('what a worker of a stage is sent is dropped and counted', async () => {
  const { mesh, node } = await scene(1)
  await mesh.settle(node.getWorker('asker', server).call.attempt('c/s/0'))
  expect(node.snapshot().lostMessages).toBe(2)
})
