/**
 * Code that a worker has left running, and that fails after its node has stopped: beside another node of this process, or
 * also one that has its key and its workers. In a process of its own, as a test runner listens to such errors itself.
 */

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { defineServer } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'

const late = Promise.withResolvers<void>()

const server = defineServer('server', {
  init: () => ({ count: 0 }),
  call: {
    count: state => ++state.count,
    leaveBehind: (): void => {
      void late.promise.then(() => {
        setImmediate(() => {
          throw new RangeError('thrown late')
        })
        // Told of twice: what it throws is caught by nobody.
        setImmediate(() => process.exit(9))
        throw new RangeError('rejected late')
      })
    },
  },
})

const dataFolder = await mkdtemp(join(tmpdir(), 'meshvisor-late-'))
const behaviours = [server]
const [first, second] = [new LogBook(), new LogBook()]
const init = { cluster: randomUUID(), dataFolder, behaviours }
const other = await localNode({ behaviours })
const stopped = await localNode({ ...init, logger: first })
const haunted = await stopped.addWorker({ id: 'w', run: server })
await haunted.call.leaveBehind()
await stopped.stop()
const node = process.argv[2] === 'again' ? await localNode({ ...init, logger: second }) : other
const innocent = await node.addWorker({ id: 'w', run: server })
await innocent.call.count()

const told = (book: LogBook): number =>
  book.lines.filter(({ message }) => message.startsWith('code of a worker that has ended')).length
const ends: unknown[] = []
node.on('worker:exit', end => void ends.push(end))
late.resolve()
while (told(first) < 4 && ends.length === 0) await new Promise(resolve => setImmediate(resolve))
const count = await innocent.call.count()
const isSameNode = node.id === stopped.id
await Promise.all([node.stop(), other.stop()])
await rm(dataFolder, { recursive: true, force: true })
process.send?.({ what: 'late', isSameNode, count, told: [told(first), told(second)] }, () =>
  process.disconnect(),
)
