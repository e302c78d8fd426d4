/** How long a group is not what it was: from the throw of a member to the moment when all run and can be reached again. */

import { randomUUID } from 'node:crypto'

import { type Node, createNode, defineServer } from '../src/index.ts'
import { type Bench, type Measurement, type Rig, median } from './bench.ts'

/** Each group crashes once: its first restart is not waited for, as those that follow would be. */
const SAMPLES = 300
/** Until the engine has compiled what is measured. */
const WARM_UP = 300
const MEMBERS = 10

let crashedMs = 0

const fragile = defineServer('fragile', {
  init: () => ({ count: 0 }),
  info: () => {
    crashedMs = performance.now()
    throw new Error('told to crash')
  },
})

async function start(): Promise<Rig> {
  const node = await createNode({
    cluster: randomUUID(),
    behaviours: [fragile],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
  })
  let groups = 0
  const sample = async (strategy: 'one_for_one' | 'one_for_all'): Promise<number> => {
    groups += 1
    const id = `g${groups}`
    const group = await node.addGroup({ id, strategy, members })
    const running = runs(node, id)
    group.member('m4').send('crash')
    const durationUs = (await running) * 1_000
    await node.removeGroup(id)
    return durationUs
  }
  const p50 = async (strategy: 'one_for_one' | 'one_for_all'): Promise<Measurement> => {
    const samples: number[] = []
    for (let index = 0; index < SAMPLES; index++) samples.push(await sample(strategy))
    return { value: median(samples) }
  }
  for (let index = 0; index < WARM_UP; index++) await sample(index % 2 === 0 ? 'one_for_one' : 'one_for_all')
  return {
    round: async () => [await p50('one_for_one'), await p50('one_for_all')],
    stop: () => node.stop(),
  }
}

const members = Array.from({ length: MEMBERS }, (_, index) => ({ id: `m${index}`, run: fragile }))

/** @returns milliseconds from the crash until the group runs as its next generation */
function runs(node: Node, id: string): Promise<number> {
  return new Promise(resolve => {
    const stopListening = node.on('generation:run', event => {
      if (event.id !== id) return
      const durationMs = performance.now() - crashedMs
      stopListening()
      resolve(durationMs)
    })
  })
}

export const restarts: Bench = {
  figures: [
    { name: 'restart-one', unit: 'µs p50, crash to running', goal: 20, better: 'less' },
    { name: 'restart-all-10', unit: 'µs p50, crash to running', goal: 200, better: 'less' },
  ],
  start,
}
