/** A standalone worker: declared on one node, called from another, wherever it runs. */

import { createNode } from 'meshvisor'

import * as behaviours from './behaviours.ts'

const mesh = { cluster: `example-${process.pid}`, behaviours: [behaviours], listen: ['/ip4/127.0.0.1/tcp/0'] }
await using here = await createNode(mesh)
await using there = await createNode({ ...mesh, discovery: { seeds: [...here.addresses] } })
await here.formed(2)

const hits = await here.addWorker({ id: 'hits', run: behaviours.counter, args: [40] })
await hits.call.add(1)
console.log('called from one node:', await hits.call.add(1))
console.log('and from another:', await there.getWorker('hits', behaviours.counter).call.get())
