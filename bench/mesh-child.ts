/** A node of a benchmark in its own process: `mesh-child.ts CLUSTER SEED…` */

import { createNode } from '../src/index.ts'

const [cluster = '', ...seeds] = process.argv.slice(2)
const startMs = performance.now()
const node = await createNode({
  cluster,
  behaviours: [new URL('behaviours.ts', import.meta.url)],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: false, seeds: seeds.filter(seed => seed !== '') },
  logger: false,
})
/** When that many were seen first, by their number. */
const seenAtMs: number[] = []
const note = (): void => {
  seenAtMs[node.members().length] ??= Date.now()
}
node.on('member:join', note)
note()
process.on('message', question => void answer(question))

async function answer(question: unknown): Promise<void> {
  const formed =
    typeof question === 'object' && question !== null ? Number(Reflect.get(question, 'formed')) : Number.NaN
  if (Number.isInteger(formed)) await node.formed(formed)
  const formedAtMs = Math.min(...seenAtMs.slice(formed).filter(ms => ms > 0))
  process.send?.({ wallMs: Date.now(), formedAtMs, cpu: process.cpuUsage(), rss: process.memoryUsage.rss() })
}
process.send?.({
  id: node.id,
  address: node.addresses[0] ?? '',
  wallMs: Date.now(),
  joinedMs: performance.now() - startMs,
  upMs: performance.timeOrigin,
})
