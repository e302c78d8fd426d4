/** A chain of three stages on one node, beside three async generators in a row; and one item at a time over processes. */

import { randomUUID } from 'node:crypto'

import { type Node, createNode } from '../src/index.ts'
import type { Bench, Measurement, Rig } from './bench.ts'
import * as behaviours from './behaviours.ts'
import { type Payload, add, payload } from './behaviours.ts'
import { type BenchMesh, startMesh } from './mesh.ts'

const ITEMS = 500_000
const WARM_UP_ITEMS = 200_000
const STAGES = [
  { id: 'a', run: add },
  { id: 'b', run: add },
  { id: 'c', run: add },
] as const
/** One at a time: enough for a median. */
const CALLS = 2_000

function* source(count: number): Generator<Payload> {
  for (let n = 0; n < count; n++) yield payload(n)
}

async function* plus(items: Iterable<Payload> | AsyncIterable<Payload>): AsyncGenerator<Payload> {
  for await (const item of items) yield { ...item, n: item.n + 1 }
}

async function rate(count: number, outcomes: AsyncIterable<Payload | undefined>): Promise<number> {
  const startMs = performance.now()
  let next = 0
  for await (const outcome of outcomes) {
    if (outcome?.n !== next + 3) throw new Error(`outcome ${next} is ${JSON.stringify(outcome)}`)
    next += 1
  }
  if (next !== count) throw new Error(`${next} outcomes for ${count} items`)
  return (count * 1_000) / (performance.now() - startMs)
}

async function startLocal(): Promise<Rig> {
  const node: Node = await createNode({
    cluster: randomUUID(),
    behaviours: [behaviours],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
    logger: false,
  })
  const chain = await node.addChain({ id: 'local', stages: STAGES })
  await rate(WARM_UP_ITEMS, chain.run(source(WARM_UP_ITEMS)))
  return {
    round: async (): Promise<readonly Measurement[]> => {
      const value = await rate(ITEMS, chain.run(source(ITEMS)))
      const baseline = await rate(ITEMS, plus(plus(plus(source(ITEMS)))))
      return [{ value, baseline }]
    },
    stop: () => node.stop(),
  }
}

export const localChain: Bench = {
  figures: [
    {
      name: 'local-chain',
      unit: 'items/s',
      goal: 1_000_000,
      better: 'more',
      beside: 'three async generators in a row',
    },
  ],
  start: startLocal,
}

async function startLatency(): Promise<Rig> {
  const mesh: BenchMesh = await startMesh(3)
  const { node } = mesh
  // A chain whose three stages are on the three other nodes: placement decides by the id.
  for (let index = 0; ; index++) {
    const id = `latency-${index}`
    const chain = await node.addChain({ id, stages: STAGES })
    const workers = node.snapshot().specs.find(spec => spec.id === id)?.workers ?? []
    if (workers.every(worker => worker.node !== node.id)) {
      const measure = async (): Promise<number> => {
        const tookUs: number[] = []
        for (let n = 0; n < CALLS; n++) {
          const startMs = performance.now()
          await chain.call(payload(n))
          tookUs.push((performance.now() - startMs) * 1_000)
        }
        return tookUs.toSorted((a, b) => a - b)[CALLS >> 1] ?? Number.NaN
      }
      await measure()
      return { round: async () => [{ value: await measure() }], stop: () => mesh.stop() }
    }
    await node.removeChain(id)
  }
}

export const chainLatency: Bench = {
  figures: [{ name: 'chain-latency', unit: 'µs', goal: 500, better: 'less' }],
  start: startLatency,
}
