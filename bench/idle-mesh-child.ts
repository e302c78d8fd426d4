/**
 * `idle-mesh-child.ts NODES VIRTUAL_MS`, with `--expose-gc`: says how many MB of heap and buffers each node of a mesh in
 * memory takes that has been at rest for so long, and ends.
 */

import { setImmediate } from 'node:timers/promises'

import { type SimulatedMesh, simulate } from '../src/testing.ts'

const [count, virtualMs] = process.argv.slice(2).map(Number)
if (count === undefined || virtualMs === undefined) throw new Error('wanted: NODES VIRTUAL_MS')
/** All code has been compiled once they have met. */
const FIRST = 5
/** Buffers are given back a little after what has held them. */
const COLLECTIONS = 3

async function usedBytes(): Promise<number> {
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    globalThis.gc?.()
    await setImmediate()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function atRest(nodes: number, restMs: number): Promise<SimulatedMesh> {
  const mesh = await simulate({ nodes })
  await mesh.until('all see all', () => mesh.ids.every(id => mesh.node(id).members().length === nodes))
  await mesh.run(restMs)
  return mesh
}

await (await atRest(FIRST, virtualMs))[Symbol.asyncDispose]()
const before = await usedBytes()
const mesh = await atRest(count, virtualMs)
process.send?.({ megabytes: ((await usedBytes()) - before) / count / 1024 / 1024 })
await mesh[Symbol.asyncDispose]()
// Whoever has been told may be gone already.
if (process.connected) process.disconnect()
