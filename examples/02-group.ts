/** A group over two nodes: its members share their fate. One stumbles, and all start again as a new generation. */

import { createNode } from 'meshvisor'

import * as behaviours from './behaviours.ts'

const mesh = { cluster: `example-${process.pid}`, behaviours: [behaviours], listen: ['/ip4/127.0.0.1/tcp/0'] }
await using here = await createNode(mesh)
await using there = await createNode({ ...mesh, discovery: { seeds: [...here.addresses] } })
await here.formed(2)

const line = await here.addGroup({
  id: 'line',
  members: [
    { id: 'left', run: behaviours.listener },
    { id: 'right', run: behaviours.listener },
  ],
})
const nodes = new Set([await line.member('left').call.where(), await line.member('right').call.where()])
console.log(`two members on ${nodes.size} nodes`)

console.log(
  'a broadcast goes to',
  line.broadcast('hello'),
  'members; right has heard',
  await line.member('right').call.heard(),
)

const restarted = new Promise<number>(resolve => {
  there.on('generation:run', ({ generation }) => (generation > 1 ? resolve(generation) : undefined))
})
await line
  .member('left')
  .call.stumble()
  .catch((error: Error) => console.log('left has failed:', error.message))
console.log('all run again, as generation', await restarted)
console.log('right has heard', await line.member('right').call.heard())
