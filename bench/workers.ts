/** Ten thousand standalone workers on one node: what they cost, and how fast all of them are started, asked, restarted. */

import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'

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

/** In a process of its own: what a node before has left in the heap would count as there before. */
async function idleKilobytes(): Promise<readonly Measurement[]> {
  const child = fork(new URL('idle-workers-child.ts', import.meta.url), [String(WORKERS)], {
    execArgv: [...process.execArgv, '--expose-gc'],
  })
  const [value]: unknown[] = await once(child, 'message')
  if (typeof value !== 'number') throw new Error(`not a size: ${String(value)}`)
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
  start: async () => ({ round: idleKilobytes, stop: nothing }),
}
