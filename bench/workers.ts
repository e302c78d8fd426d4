/** Ten thousand standalone workers on one node: what they cost, and how fast all of them are started, asked, restarted. */

import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { type Node, createNode } from '../src/index.ts'
import type { Bench, Measurement } from './bench.ts'
import { idle } from './behaviours.ts'

const WORKERS = 10_000
const CRASHES = 1_000

async function start(): Promise<Node> {
  return createNode({
    cluster: randomUUID(),
    behaviours: [idle],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
  })
}

async function add(node: Node): Promise<readonly string[]> {
  const ids = Array.from({ length: WORKERS }, (_, index) => `w${index}`)
  await Promise.all(ids.map(id => node.addWorker({ id, run: idle })))
  return ids
}

async function ping(node: Node, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map(id => node.getWorker(id, idle).with({ timeoutMs: 60_000 }).call.ping()))
}

/** @returns seconds */
async function timed(job: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await job()
  return (performance.now() - startedMs) / 1_000
}

async function crashAndAsk(node: Node, ids: readonly string[]): Promise<void> {
  const exits = Promise.withResolvers<void>()
  let missing = CRASHES
  const stopListening = node.on('worker:exit', () => {
    missing -= 1
    if (missing === 0) exits.resolve()
  })
  for (const id of ids.slice(0, CRASHES)) node.getWorker(id, idle).send('crash')
  await exits.promise
  stopListening()
  await ping(node, ids)
}

async function round(): Promise<readonly Measurement[]> {
  const node = await start()
  let ids: readonly string[] = []
  const addS = await timed(async () => (ids = await add(node)))
  const pingS = await timed(() => ping(node, ids))
  const crashS = await timed(() => crashAndAsk(node, ids))
  await node.stop()
  return [{ value: addS }, { value: pingS }, { value: crashS }]
}

/** Bytes of heap and buffers for each worker that has been added and has done nothing yet. */
async function idleBytes(): Promise<readonly Measurement[]> {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  const used = (): number => {
    if (typeof collect === 'function') collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const node = await start()
  const before = used()
  await add(node)
  await new Promise(resolve => setTimeout(resolve, 100))
  const value = (used() - before) / WORKERS / 1024
  await node.stop()
  return [{ value }]
}

const nothing = async (): Promise<void> => {}

export const workers10k: Bench = {
  figures: [
    { name: 'workers-10k', unit: 's to add all', goal: 1, better: 'less' },
    { name: 'workers-10k', unit: 's to ask all', goal: 0.1, better: 'less' },
    { name: 'workers-10k', unit: 's to crash 1,000 and ask all', goal: 0.3, better: 'less' },
  ],
  start: async () => ({ round, stop: nothing }),
}

export const idleWorker: Bench = {
  rounds: 3,
  figures: [{ name: 'memory-idle-worker', unit: 'KB', goal: 2, better: 'less' }],
  start: async () => ({ round: idleBytes, stop: nothing }),
}
