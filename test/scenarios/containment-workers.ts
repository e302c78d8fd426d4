/** What the scenarios of containment run: they import it in threads and processes, too. */

import { existsSync } from 'node:fs'
import { isMainThread, parentPort, threadId } from 'node:worker_threads'

import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'

/** A worker that says where it runs, counts, and crashes when it is told to. */
export const member = defineServer('containment-member', {
  init: () => ({ count: 0 }),
  call: {
    where: () => `${process.pid}.${isMainThread ? 0 : threadId}`,
    pid: () => process.pid,
    count: state => (state.count += 1),
    crash: (): void => {
      throw new Error('told to crash')
    },
  },
  cast: {
    /** Says to its node what no worker says. */
    babble: () => {
      for (const garbage of [
        'what?',
        null,
        {},
        { kind: 'thrown', id: 1 },
        { kind: 'log', level: 'loud' },
        [7],
      ]) {
        parentPort?.postMessage(garbage, [])
        if (garbage !== null) process.send?.(garbage)
      }
    },
    count: state => (state.count += 1),
    die: (): void => {
      process.kill(process.pid, 'SIGKILL')
    },
  },
  info: (_state, message) => message,
})

export const increment = defineStage('containment-increment', (n: number) => {
  if (n < 0) throw new RangeError('negative')
  return n + 1
})

/** Holds up the thread in which it runs, until there is a file of that name. */
export const grind = defineStage('containment-grind', (file: string) => {
  while (!existsSync(file));
  return 'ground'
})
