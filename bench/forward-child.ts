/** One of the line of forwarders, in its own process. */

import { add, type Payload } from './behaviours.ts'
import { Forwarder } from './forward.ts'
import { textOf } from './processes.ts'

const isPayload = (item: unknown): item is Payload => typeof item === 'object' && item !== null && 'n' in item

const forwarder = await Forwarder.start((item, line) => {
  // The work of a stage, without a stage around it.
  if (isPayload(item)) line.send(add.handle(item))
})
process.on('message', question => {
  void forwarder.connect(textOf(question, 'next')).then(() => process.send?.({ connected: true }))
})
process.send?.({ address: forwarder.address })
