// shell
/** The machine that this process runs on. */

import type { Machine } from '../../ports.ts'
import { ProcessCell } from './process-cell.ts'
import { onStray } from './strays.ts'
import { ThreadCell } from './thread-cell.ts'

export const systemMachine: Machine = {
  spawn: (init, handlers) =>
    init.kind === 'thread' ? new ThreadCell(init, handlers) : new ProcessCell(init, handlers),
  onStray,
  usedMs: () => {
    // Of this thread, so that others do not count.
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  },
}
