/** A node of a benchmark in its own process: `mesh-child.ts CLUSTER SEED…` */

import { createNode } from '../src/index.ts'

const [cluster = '', ...seeds] = process.argv.slice(2)
const node = await createNode({
  cluster,
  behaviours: [new URL('behaviours.ts', import.meta.url)],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: false, seeds: seeds.filter(seed => seed !== '') },
  logger: false,
})
process.send?.({ id: node.id, address: node.addresses[0] ?? '' })
