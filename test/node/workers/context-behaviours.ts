/** Workers that say what they know of themselves, at every point that code of theirs can come to. */

import { EventEmitter } from 'node:events'

import { currentTraceId, currentWorker, withTrace } from '../../../src/node/workers/scope.ts'
import { defineServer, defineStage, defineTask } from '../../../src/node/workers/behaviours.ts'
import type { TaskContext, WorkerContext } from '../../../src/node/workers/context.ts'

/** Where code goes on. */
export const PLACES = ['at once', 'await', 'timer', 'immediate', 'tick', 'microtask', 'event'] as const
export type Place = (typeof PLACES)[number]

/** What code can tell there. */
export interface Known {
  readonly who: ReturnType<typeof currentWorker>
  readonly traceId: string | undefined
  readonly remainingMs: number | undefined
  readonly generation: number
}

function goOn(place: Exclude<Place, 'at once' | 'await'>, then: () => void): void {
  switch (place) {
    case 'timer':
      setTimeout(then, 1)
      return
    case 'immediate':
      setImmediate(then)
      return
    case 'tick':
      process.nextTick(then)
      return
    case 'microtask':
      queueMicrotask(then)
      return
    case 'event': {
      const emitter = new EventEmitter().on('now', then)
      setTimeout(() => emitter.emit('now'), 1)
      return
    }
  }
}

function known(context: WorkerContext): Known {
  return {
    who: currentWorker(),
    traceId: currentTraceId(),
    remainingMs: context.remainingMs,
    generation: context.token.generation,
  }
}

async function knownAt(place: Place, context: WorkerContext): Promise<Known> {
  if (place === 'at once') return known(context)
  if (place === 'await') await Promise.resolve()
  else await new Promise<void>(resolve => goOn(place, resolve))
  if (place === 'await') return known(context)
  // In the callback itself, not after an `await` of it.
  return new Promise(resolve => goOn(place, () => resolve(known(context))))
}

/** The type of a behaviour cannot be had within itself. */
const next = defineServer('context-next', {
  init: () => ({}),
  call: { through: async (_state, _path: readonly string[], _place: Place): Promise<unknown> => undefined },
})

export const knower = defineServer('context-knower', {
  init: context => ({ context, count: 0, heard: new Array<unknown>() }),
  call: {
    know: (state, place: Place) => knownAt(place, state.context),
    knowInTrace: (state, place: Place) =>
      withTrace('outer', () => withTrace('own', () => knownAt(place, state.context))),
    throughInTrace: (state, id: string, place: Place): Promise<unknown> =>
      withTrace('own', () => state.context.getWorker(id, next).call.through([], place)),
    /** Asks the next one, and so on; the last one says what it knows. */
    through: async (state, [first, ...rest]: readonly string[], place: Place): Promise<unknown> =>
      first === undefined
        ? knownAt(place, state.context)
        : state.context.getWorker(first, next).call.through(rest, place),
    count: state => (state.count += 1),
    sleep: async (state, ms: number) => state.context.sleep(ms),
    crash: (): void => {
      throw new Error('told to crash')
    },
    heard: state => state.heard,
  },
  info: (state, message) => void state.heard.push(message),
})

export const knowing = defineStage('context-knowing', (place: Place, context) => knownAt(place, context))

/** Tells the worker `ear` what it knows. */
export const knowingTask = defineTask('context-task', async (context: TaskContext<Place>) => {
  for await (const place of context.messages)
    context.getWorker('ear').send({ place, ...(await knownAt(place, context)) })
})
