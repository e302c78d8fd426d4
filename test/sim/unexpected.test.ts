/** Messages that a server has no function for: they crash nobody, and are counted and told of. */

import { expect, test } from 'vitest'

import { type Node, type WorkerRef, defineServer } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const deaf = defineServer('deaf', {
  init: () => ({ casts: 0 }),
  call: { casts: state => state.casts },
  cast: {
    note: state => {
      state.casts += 1
    },
  },
})

/** As a client sees it that knows another version. */
const other = defineServer('other', {
  init: () => ({}),
  cast: { forgotten: () => {}, renamed: () => {}, note: () => {} },
})

interface Bench {
  readonly mesh: SimulatedMesh
  readonly node: Node
  readonly told: (readonly [facts: object, message: string])[]
  readonly ref: WorkerRef<typeof deaf>
  readonly wrong: WorkerRef<typeof other>
}

async function benchOf(nodes: number): Promise<Bench> {
  const told: (readonly [object, string])[] = []
  const quiet = (): void => {}
  const warn = (facts: object, message: string): void => void told.push([facts, message])
  const logger = { debug: quiet, info: quiet, warn, error: quiet }
  const mesh = await simulate({ nodes, behaviours: [deaf], logger })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  for (const id of IDS) await mesh.settle(node.addWorker({ id, run: deaf }))
  return {
    mesh,
    node,
    told,
    ref: node.getWorker('a', deaf),
    wrong: node.getWorker('a', other),
  }
}

const IDS = ['a', 'b', 'c', 'd']
const NODES = [1, 3]

function unexpectedOn(mesh: SimulatedMesh): number {
  return mesh.up.reduce((sum, id) => sum + mesh.node(id).snapshot().workers.unexpected, 0)
}

test.each(NODES)(
  'a cast of an unknown function is counted, and told once for each name, on %i nodes',
  async nodes => {
    const { mesh, ref, wrong, told } = await benchOf(nodes)
    for (let time = 0; time < 3; time++) {
      wrong.cast.forgotten()
      wrong.cast.renamed()
      wrong.cast.note()
    }
    expect(await mesh.settle(ref.call.casts())).toBe(3)
    expect(unexpectedOn(mesh)).toBe(6)
    const casts = told.filter(([, message]) => message.includes('a cast was dropped'))
    expect(casts.map(([facts]) => facts)).toEqual([
      { worker: 'a', behaviour: 'deaf', cast: 'forgotten' },
      { worker: 'a', behaviour: 'deaf', cast: 'renamed' },
    ])
  },
)

test.each(NODES)(
  'a message to a server without info is counted, and told once for each worker, on %i nodes',
  async nodes => {
    const { mesh, node, told } = await benchOf(nodes)
    for (const id of IDS) {
      for (let time = 0; time < 3; time++) node.getWorker(id, deaf).send({ time })
      await mesh.settle(node.getWorker(id, deaf).call.casts())
    }
    expect(unexpectedOn(mesh)).toBe(3 * IDS.length)
    const messages = told.filter(([, message]) => message.includes('a message was dropped'))
    expect(messages.map(([facts]) => facts)).toEqual(IDS.map(worker => ({ worker, behaviour: 'deaf' })))
  },
)

test('a broadcast to members without info is told of as well', async () => {
  const { mesh, node, told } = await benchOf(1)
  const group = await mesh.settle(
    node.addGroup({
      id: 'line',
      members: [
        { id: 'x', run: deaf },
        { id: 'y', run: deaf },
      ],
    }),
  )
  group.broadcast('shift-ended')
  await mesh.run(10)
  expect(unexpectedOn(mesh)).toBe(2)
  expect(told).toContainEqual([{ worker: 'line/y', behaviour: 'deaf' }, expect.stringContaining('no info')])
})
