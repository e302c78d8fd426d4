/** What the scenarios of containment run: they import it in threads and processes, too. */

import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { isMainThread, parentPort, threadId } from 'node:worker_threads'

import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'

/** A worker that says where it runs, counts, and crashes when it is told to. */
export const member = defineServer('containment-member', {
  init: () => ({ count: 0 }),
  call: {
    where: () => `${process.pid}.${isMainThread ? 0 : threadId}`,
    pid: () => process.pid,
    count: state => (state.count += 1),
    /** Takes until there is a file of that name. */
    hold: async (_state, file: string) => {
      writeFileSync(`${file} begun`, '')
      while (!existsSync(file)) await setTimeout(5)
    },
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

export const pass = defineStage('containment-pass', (value: string) => value)

/** Says that it has begun, and waits until there is a file of that name. */
export const linger = defineStage('containment-linger', async (file: string) => {
  writeFileSync(`${file} begun`, '')
  while (!existsSync(file)) await setTimeout(5)
})

/** How many outputs `spout` has for an item. */
export const OUTPUTS = 50

/**
 * Emits numbers, and writes each down before it does. Crashes as soon as there is a file named `… crash`, whatever it
 * is at, which it removes first.
 */
export const spout = defineStage('containment-spout', async function* (file: string) {
  const watch = setInterval(() => {
    if (!existsSync(`${file} crash`)) return
    clearInterval(watch)
    rmSync(`${file} crash`)
    throw new Error('told to crash')
  }, 5)
  for (let n = 0; n < OUTPUTS; n++) {
    appendFileSync(`${file} log`, `${n} `)
    yield { n, file }
  }
  clearInterval(watch)
})

/** Waits until there is a file named `… open`, for every item. */
export const sluice = defineStage(
  'containment-sluice',
  async ({ n, file }: { readonly n: number; readonly file: string }) => {
    while (!existsSync(`${file} open`)) await setTimeout(5)
    return n
  },
)

/** Never comes to an end. */
export const clinging = defineServer('containment-clinging', {
  init: () => ({}),
  call: { pid: () => process.pid },
  terminate: () => new Promise<void>(() => {}),
})
