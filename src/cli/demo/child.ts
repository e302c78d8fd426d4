// shell
/** One of the other processes of the demo: a node that works until it is told to stop, or left alone. */

import { createNode } from '../../node/create-node.ts'
import { promised } from '../../promised.ts'
import * as behaviours from './behaviours.ts'
import { type ChildOrders, ORDERS_VARIABLE } from './cluster.ts'

const orders = promised<ChildOrders>(JSON.parse(process.env[ORDERS_VARIABLE] ?? '{}'))

const node = await createNode({
  cluster: orders.cluster,
  secret: orders.secret,
  name: orders.name,
  behaviours: [behaviours],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { seeds: [orders.seed] },
  // What happens to the others is for the first process to tell.
  logger: false,
})

const stop = (): void => {
  void node.stop().finally(() => process.exit(0))
}
process.once('SIGTERM', stop)
// Ctrl-C reaches the whole group: the first process ends this one in its time.
process.on('SIGINT', () => {})
// The first process is gone, however that came about.
process.once('disconnect', stop)
