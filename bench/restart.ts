/** How long a group is not what it was: from the throw of a member until all run again, and until its successor has answered. */

import { randomUUID } from 'node:crypto'

import { type Node, createNode, defineServer } from '../src/index.ts'
import { type Bench, type Measurement, type Rig, median } from './bench.ts'

/** Each group crashes once: its first restart is not waited for, as those that follow would be. */
const SAMPLES = 300
/** Until the engine has compiled what is measured: it gets no faster after some 2 000 crashes. */
const WARM_UP = 2_000
const MEMBERS = 10

let crashedMs = 0

const fragile = defineServer('fragile', {
  init: () => ({ count: 0 }),
  call: { ping: () => 'pong' },
  info: () => {
    crashedMs = performance.now()
    throw new Error('told to crash')
  },
})

/** Microseconds from the throw. */
interface Sample {
  readonly runningUs: number
  readonly answeredUs: number
}

async function start(): Promise<Rig> {
  const node = await createNode({
    cluster: randomUUID(),
    behaviours: [fragile],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
  })
  let groups = 0
  const sample = async (strategy: 'one_for_one' | 'one_for_all'): Promise<Sample> => {
    groups += 1
    const id = `g${groups}`
    const group = await node.addGroup({ id, strategy, members })
    const member = group.member('m4')
    const restarted = restart(node, id, () => member.call.ping())
    member.send('crash')
    const took = await restarted
    await node.removeGroup(id)
    return took
  }
  const p50 = async (strategy: 'one_for_one' | 'one_for_all'): Promise<Measurement[]> => {
    const samples: Sample[] = []
    for (let index = 0; index < SAMPLES; index++) samples.push(await sample(strategy))
    return [
      { value: median(samples.map(({ answeredUs }) => answeredUs)) },
      { value: median(samples.map(({ runningUs }) => runningUs)) },
    ]
  }
  for (let index = 0; index < WARM_UP; index++) await sample(index % 2 === 0 ? 'one_for_one' : 'one_for_all')
  return {
    round: async () => [...(await p50('one_for_one')), ...(await p50('one_for_all'))],
    stop: () => node.stop(),
  }
}

const members = Array.from({ length: MEMBERS }, (_, index) => ({ id: `m${index}`, run: fragile }))

/** From the crash until the group runs as its next generation, and until the one that has crashed answers a `call`. */
function restart(node: Node, id: string, call: () => Promise<unknown>): Promise<Sample> {
  return new Promise((resolve, reject) => {
    const stopListening = node.on('generation:run', event => {
      if (event.id !== id) return
      const runningUs = sinceCrashUs()
      stopListening()
      call().then(() => resolve({ runningUs, answeredUs: sinceCrashUs() }), reject)
    })
  })
}

function sinceCrashUs(): number {
  return (performance.now() - crashedMs) * 1_000
}

const ANSWERED = 'µs p50, crash to first answer'
const RUNNING = 'µs p50, crash to running'

const knownMiss = { why: 'on one node, too, a restart is rows and generations', limit: 50 }

export const restarts: Bench = {
  figures: [
    { name: 'restart-one', unit: ANSWERED, goal: 20, better: 'less', knownMiss },
    { name: 'restart-one-running', unit: RUNNING, goal: 20, better: 'less', knownMiss },
    { name: 'restart-all-10', unit: ANSWERED, goal: 200, better: 'less' },
    { name: 'restart-all-10-running', unit: RUNNING, goal: 200, better: 'less' },
  ],
  start,
}
