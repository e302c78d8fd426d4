/** What asks things of the mesh, from wherever it runs. */

import { currentTraceId, currentWorker, deferred, defineServer } from '../../../src/index.ts'

export const asker = defineServer('mesh-asker', {
  init: context => ({ context, heard: new Array<unknown>(), waiting: new Array<(text: string) => void>() }),
  call: {
    who: () => currentWorker()?.worker,
    trace: () => currentTraceId(),
    remaining: state => state.context.remainingMs,
    members: state => state.context.getGroup().members(),
    heard: state => state.heard,
    ask: (state, id: string, name: 'who' | 'trace' | 'remaining'): Promise<unknown> =>
      state.context.getWorker(id, plain).call[name](),
    /** What a caller can tell of an error. */
    fail: async (state, id: string): Promise<unknown> => {
      try {
        return await state.context.getWorker(id, plain).call.who()
      } catch (error) {
        return error instanceof Error
          ? { name: error.name, maybeExecuted: Reflect.get(error, 'maybeExecuted') }
          : error
      }
    },
    tell: (state, member: string) => state.context.getGroup().send(member, 'to one'),
    tellAll: state => state.context.getGroup().broadcast('to all'),
    noteSoon: state => void state.context.sendAfter(5, 'later'),
    next: state => deferred<string>(reply => state.waiting.push(reply.resolve)),
    leave: state => {
      state.context.stop('shutdown')
      return 'bye'
    },
  },
  info: (state, message) => {
    state.heard.push(message)
    for (const answer of state.waiting.splice(0)) answer(String(message))
  },
})

/** The types of a behaviour cannot be had within itself. */
const plain = defineServer('mesh-plain', {
  init: () => ({}),
  call: { who: () => '', trace: () => '', remaining: () => 0 },
})
