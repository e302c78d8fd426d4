/** Workers of the end-to-end tests. */

import { appendFileSync, existsSync } from 'node:fs'

import { deferred, defineServer, defineStage } from '../../src/index.ts'

/** Longer than what a node tells of (`node:stalled`). */
const STALL_MS = 300

export const work = defineStage('work', async (n: number, context) => {
  await context.sleep(2)
  return n * 2
})
export const label = defineStage('label', (n: number) => `<${n}>`)

/** Takes along what it has counted. */
export const keeper = defineServer('keeper', {
  init: context => ({ calls: 0, casts: 0, ...(isCount(context.handoff) ? context.handoff : {}) }),
  call: {
    add: state => (state.calls += 1),
    counts: state => ({ calls: state.calls, casts: state.casts, pid: process.pid }),
  },
  cast: { add: state => void (state.casts += 1) },
  handoff: ({ calls, casts }) => ({ calls, casts }),
})

function isCount(value: unknown): value is { readonly calls: number; readonly casts: number } {
  return typeof value === 'object' && value !== null && 'calls' in value && 'casts' in value
}

/** Writes down in a file that it was told to stop, and that it has been asked to put away what it has. */
export const diarist = defineServer('diarist', {
  init: (context, file: string) => {
    context.signal.addEventListener('abort', () => appendFileSync(file, `${context.worker} abort\n`))
    return { file, worker: context.worker }
  },
  terminate: ({ file, worker }, reason) => appendFileSync(file, `${worker} ${String(reason)}\n`),
})

export const member = defineServer('member', {
  init: context => ({ generation: context.token.generation }),
  call: {
    whoami: state => ({ generation: state.generation, pid: process.pid }),
    crash: (): void => {
      throw new Error('told to crash')
    },
    /** Lets nobody else run until there is a file of that name, and for as long as is told of. */
    loop: (_state, untilFile: string): void => {
      const endMs = performance.now() + STALL_MS
      while (!existsSync(untilFile) || performance.now() < endMs);
    },
  },
})

/** Never answers. */
export const mute = defineServer('mute', {
  init: () => ({}),
  call: { ask: () => deferred<void>(() => {}) },
})

/** Calls another one, and does not wait for its answer. */
export const forgetful = defineServer('forgetful', {
  init: context => context,
  call: {
    forget: ({ getWorker }, id: string) => {
      void getWorker(id, mute).with({ timeoutMs: 600_000 }).call.ask()
      return process.pid
    },
    pid: () => process.pid,
  },
})
