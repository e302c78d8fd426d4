/** A chain over two nodes: a stream goes in, outcomes come out, one for each item and in order. */

import { createNode } from 'meshvisor'

import * as behaviours from './behaviours.ts'

const mesh = { cluster: `example-${process.pid}`, behaviours: [behaviours], listen: ['/ip4/127.0.0.1/tcp/0'] }
await using here = await createNode(mesh)
await using there = await createNode({ ...mesh, discovery: { seeds: [...here.addresses] } })
await there.formed(2)

const chain = await there.addChain({
  id: 'loud',
  stages: [{ run: behaviours.words }, { run: behaviours.shout, workers: 3 }],
})
for await (const loud of chain.run(['to be or', 'not to be', '…'])) console.log(loud)
console.log('one item by itself:', await chain.call('that is the question'))
