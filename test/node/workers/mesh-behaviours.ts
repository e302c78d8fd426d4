/** What asks things of the mesh, from wherever it runs. */

import { type Reply, currentTraceId, currentWorker, deferred, defineServer } from '../../../src/index.ts'

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
    /** What it is told that waits for an answer when the worker crashes. */
    atCrash: async (state, id: string): Promise<unknown> => {
      const ref = state.context.getWorker(id, mortal)
      const told = ref.call.later().catch((error: unknown) => toldBy(error))
      await ref.call.crash().catch(() => {})
      return told
    },
    /** What it is told that does not want to wait any more. */
    aborted: async (state, id: string): Promise<unknown> => {
      const abort = new AbortController()
      const ref = state.context.getWorker(id, mortal)
      const call = ref.with({ signal: abort.signal }).call.later()
      // It has begun when the one behind it is answered.
      await ref.call.count()
      abort.abort(new RangeError('not any more'))
      return call.catch((error: unknown) => toldBy(error))
    },
    /** The history of the error of another, as it is told here. */
    atLoss: async (state, id: string): Promise<unknown> => {
      const error = await state.context
        .getWorker(id, mortal)
        .call.lose()
        .catch((thrown: unknown) => thrown)
      return error instanceof Error ? error.cause : error
    },
    /** It does not catch the error, and so its own has that history. */
    passLoss: (state, id: string): Promise<void> => state.context.getWorker(id, mortal).call.lose(),
    tell: (state, member: string) => state.context.getGroup().send(member, 'to one'),
    tellAll: state => state.context.getGroup().broadcast('to all'),
    /** What is said of messages with a function in them, which no thread or process can give to another. */
    tellUnsendable: async (state): Promise<unknown> => {
      const ref = state.context.getWorker('nobody', plain)
      const group = state.context.getGroup('g')
      const fn = (): void => {}
      const told: readonly (() => Promise<unknown>)[] = [
        async () => ref.send(fn),
        async () => group.broadcast(fn),
        async () => {
          const answer: unknown = await Reflect.apply(ref.call.who, ref, [fn])
          return answer
        },
      ]
      return Promise.all(
        told.map(async tell => {
          try {
            return await tell()
          } catch (error) {
            return error instanceof Error ? `${error.name}: ${error.message.split(' between')[0]}` : error
          }
        }),
      )
    },
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

/** Crashes, or never answers. */
export const mortal = defineServer('mesh-mortal', {
  init: () => ({ count: 0, replies: new Array<Reply<string>>() }),
  call: {
    count: state => (state.count += 1),
    ask: state => deferred<string>(reply => state.replies.push(reply)),
    grant: (state, answer: string) => state.replies.shift()?.resolve(answer),
    refuse: state => state.replies.pop()?.reject(new RangeError('not today')),
    exit: () => process.exit(3),
    crash: (): void => {
      throw new TypeError('told to crash')
    },
    /** An error with a history, of its own. */
    lose: (): void => {
      const cause = Object.assign(new RangeError('no such file', { cause: 'a text' }), { code: 'ENOENT' })
      const errors = [new RangeError('here'), 'there']
      throw Object.assign(new AggregateError(errors, 'cannot read it', { cause }), { code: 7 })
    },
    later: () => deferred<string>(new Promise(() => {})),
  },
})

/** What a caller can tell of an error. */
function toldBy(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, cause } = error
  const why: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'name') : cause
  return { name, maybeExecuted: Reflect.get(error, 'maybeExecuted'), cause: why }
}

/** The types of a behaviour cannot be had within itself. */
const plain = defineServer('mesh-plain', {
  init: () => ({}),
  call: { who: () => '', trace: () => '', remaining: () => 0 },
})
