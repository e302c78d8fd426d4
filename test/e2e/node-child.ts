/** A node in its own process for the end-to-end tests. It says what happens to it, and does what it is told. */

import { type NodeEvent, createNode } from '../../src/index.ts'

const orders: unknown = JSON.parse(process.argv[2] ?? '{}')
const order = (name: string): string =>
  typeof orders === 'object' && orders !== null ? String(Reflect.get(orders, name) ?? '') : ''

const node = await createNode({
  cluster: order('cluster'),
  secret: 'end-to-end',
  name: order('name'),
  // By its address, so that it can run in threads and processes, too.
  behaviours: [new URL('behaviours.ts', import.meta.url).href],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: false, seeds: [order('seed')] },
})

const KINDS = ['worker:start', 'worker:exit', 'generation:fail', 'generation:run', 'member:dead'] as const
for (const kind of KINDS) node.on(kind, (event: NodeEvent) => process.send?.({ event }))
process.on('message', message => {
  if (message === 'snapshot') process.send?.({ snapshot: node.snapshot() })
})
process.once('SIGTERM', () => void node.stop().finally(() => process.exit(0)))
process.once('disconnect', () => process.exit(0))
process.send?.({ ready: node.id })
