/** A program with workers in processes of their own. It stops in order at Ctrl-C where it is told to listen to that. */

import { createNode } from '../../../src/index.ts'
import { deafToSignals, plain } from './signal-behaviours.ts'

const node = await createNode({
  cluster: `signals ${process.pid}`,
  behaviours: [new URL('signal-behaviours.ts', import.meta.url).href],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: false },
})
const deaf = await node.addWorker({ id: 'deaf', run: deafToSignals, isolation: 'process' })
const other = await node.addWorker({ id: 'other', run: plain, isolation: 'process' })
const pids = [await deaf.call.where(), await other.call.where()]
let exits = 0
node.on('worker:exit', () => {
  exits += 1
})
if (process.argv[2] === 'listens') {
  process.once('SIGINT', () => {
    // Whatever a signal does to the processes of workers, it has done by the time that they have answered once more.
    void Promise.all([deaf.call.where(), other.call.where()])
      .then(again => process.send?.({ again, exits }))
      .then(() => node.stop())
      .then(() => process.disconnect())
  })
}
process.send?.({ pids })
