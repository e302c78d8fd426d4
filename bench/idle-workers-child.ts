/**
 * `idle-workers-child.ts COUNT`, with `--expose-gc`: says how many KB of heap and buffers a worker takes that has been
 * added and has done nothing yet, and ends.
 */

import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

import { createNode } from '../src/index.ts'
import { idle } from './behaviours.ts'

const count = Number(process.argv[2])
/** Their code is compiled with the first ones. */
const FIRST = 1_000
/** What has been started waits for some turns before all is at rest. */
const TURNS = 1_000

function usedBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function add(name: string, workers: number): Promise<void> {
  await Promise.all(
    Array.from({ length: workers }, (_, index) => node.addWorker({ id: `${name}${index}`, run: idle })),
  )
  for (let turn = 0; turn < TURNS; turn++) await setImmediate()
}

const node = await createNode({
  cluster: randomUUID(),
  behaviours: [idle],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: false },
})
await add('first', FIRST)
const before = usedBytes()
await add('w', count)
process.send?.((usedBytes() - before) / count / 1024)
await node.stop()
// Whoever has been told may be gone already.
if (process.connected) process.disconnect()
