/** A process whose node has a worker that is stuck in a native call; argv: the file that this waits for. */

import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { stuck } from './stuck-behaviours.ts'

const log = new LogBook()
const node = await localNode({
  behaviours: [new URL('stuck-behaviours.ts', import.meta.url).href],
  logger: log,
})
const worker = await node.addWorker({ id: 'w', run: stuck, isolation: 'thread', stopTimeoutMs: 100 })
worker.call.hang(process.argv[2] ?? '').catch(() => {})
await log.heard('w hangs')
await node.stop()
process.send?.('stopped')
process.disconnect()
