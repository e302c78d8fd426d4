/** A process that has a thread fill its heap, and tells how that one ended. */

import { ThreadCell } from '../../src/io/system/thread-cell.ts'

const [, , name = ''] = process.argv
const cell = new ThreadCell(
  { kind: 'thread', entry: new URL('full-heap.ts', import.meta.url).href, name, heapMb: 48 },
  { onMessage: () => {}, onEnd: end => process.send?.(end) },
)
// A thread keeps no process running; that it could be told something does.
process.on('message', () => cell.kill())
