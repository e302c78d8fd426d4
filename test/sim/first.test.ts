import { expect, test } from 'vitest'

import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'

const counter = defineServer('counter', {
  init: (_context, start: number) => ({ total: start }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
  cast: {
    reset: state => {
      state.total = 0
    },
  },
})
const double = defineStage('double', (n: number) => n * 2)
const inc = defineStage('inc', (n: number) => n + 1)

test('a mesh forms, a worker answers from everywhere, a chain runs', async () => {
  await using mesh = await simulate({ seed: 3, behaviours: [counter, double, inc] })
  await mesh.until('all see all', () => mesh.ids.every(id => mesh.node(id).members().length === 3), 2000)
  console.log('formed at', mesh.nowMs)
  const hits = await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1] }))
  console.log('worker at', mesh.nowMs, mesh.node('n1').snapshot().specs[0]?.workers)
  expect(await mesh.settle(hits.call.add(5))).toBe(6)
  for (const id of mesh.ids) {
    const ref = mesh.node(id).getWorker('hits', counter)
    expect(await mesh.settle(ref.call.get())).toBe(6)
  }
  const chain = await mesh.settle(
    mesh.node('n2').addChain({
      id: 'math',
      stages: [
        { run: double, workers: 2 },
        { run: inc, workers: 2 },
      ],
    }),
  )
  console.log('chain', mesh.nowMs, JSON.stringify(mesh.node('n1').snapshot().specs[1]?.workers))
  expect(await mesh.settle(chain.call(4))).toBe(9)
  const items = Array.from({ length: 1000 }, (_, i) => i)
  const collect = async () => {
    const out: (number | undefined)[] = []
    for await (const x of chain.run(items)) out.push(x)
    return out
  }
  const out = await mesh.settle(collect())
  expect(out).toEqual(items.map(i => i * 2 + 1))
  console.log('ran', mesh.nowMs, chain.stats)
})
