/** Workers of the scenarios. */

import type { TaskContext, WorkerContext } from '../../src/node/workers/context.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'

export const counter = defineServer('counter', {
  init: (_context, start: number) => ({ total: start }),
  call: {
    add: (state, by: number) => (state.total += by),
    get: state => state.total,
    fail: (_state, message: string): number => {
      throw new RangeError(message)
    },
  },
  cast: {
    reset: state => {
      state.total = 0
    },
  },
})

/** It hands over what it has counted, and crashes when it is told to: then that is gone. */
export const heir = defineServer('heir', {
  init: (context: WorkerContext) => ({ total: Number(context.handoff ?? 0) }),
  call: { total: state => state.total },
  cast: {
    add: (state, by: number) => void (state.total += by),
    crash: () => {
      throw new Error('as it was told')
    },
  },
  handoff: state => state.total,
})

/** A member of a group that keeps what it is told. */
export const listener = defineServer('listener', {
  init: (): { readonly heard: unknown[] } => ({ heard: [] }),
  call: {
    heard: state => state.heard,
    crash: (): void => {
      throw new Error('told to crash')
    },
  },
  info: (state, message) => {
    state.heard.push(message)
  },
})

export const broken = defineServer('broken', {
  init: (): object => {
    throw new Error('cannot start')
  },
})

export const double = defineStage('double', (n: number) => n * 2)
export const slowly = defineStage('slowly', async (n: number, context) => {
  await context.sleep(20)
  return n + 1
})
export const odd = defineStage('odd', (n: number) => (n % 2 === 0 ? undefined : n))
export const letters = defineStage('letters', async function* (word: string) {
  yield* word
})
export const upper = defineStage('upper', (letter: string) => letter.toUpperCase())
export const picky = defineStage('picky', (n: number) => {
  if (n === 13) throw new Error('not thirteen')
  return n
})

export const echoTask = defineTask(
  'echo-task',
  async (context: TaskContext<{ readonly to: string[] }>, word: string) => {
    for await (const { to } of context.messages) to.push(word)
  },
)

export const all = [counter, listener, broken, double, slowly, odd, letters, upper, picky, echoTask]

/** Takes its state along to the node that it moves to. */
export const keeper = defineServer('keeper', {
  init: (context, start: number) => ({
    total: typeof context.handoff === 'number' ? context.handoff : start,
    generation: context.token.generation,
  }),
  call: {
    add: (state, by: number) => (state.total += by),
    get: state => state.total,
    generation: state => state.generation,
  },
  handoff: state => state.total,
})
