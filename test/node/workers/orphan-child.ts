/** A node with a worker in a process of its own, which says where it is, and perhaps loops. */

import { createNode } from '../../../src/index.ts'
import { server } from './cell-behaviours.ts'

const node = await createNode({
  cluster: `orphan ${process.pid}`,
  behaviours: [new URL('cell-behaviours.ts', import.meta.url).href],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: false },
})
const worker = await node.addWorker({ id: 'w', run: server, args: [0], isolation: 'process' })
const { pid } = await worker.call.where()
if (process.argv[2] === 'loop') worker.cast.die('loop')
// The cast has left when this call has been made; its answer may never come.
worker.call.get().catch(() => {})
setImmediate(() => process.send?.({ pid }))
