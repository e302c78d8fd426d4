/** Workers that call others and do not wait for the answer, and those that they call. */

import * as v from 'valibot'

import {
  type Node,
  type WorkerRef,
  defineServer,
  defineStage,
  deferred,
  withTrace,
} from '../../../src/index.ts'
import { promised } from '../../../src/promised.ts'

export const WAYS = ['unknown', 'unfit', 'rejects', 'late', 'aborted', 'ends'] as const
/** What becomes of a call. */
export type Way = (typeof WAYS)[number]

/** Longer than any test takes. */
const FOR_EVER_MS = 600_000

export const callee = defineServer('callee', {
  init: () => ({ total: 0 }),
  call: {
    add: (state: { total: number }, by: number) => (state.total += by),
    reject: () => deferred<void>(reply => setImmediate(() => reply.reject(new RangeError('not today')))),
    never: () => deferred<void>(() => {}),
  },
  input: { call: { add: v.tuple([v.number()]) } },
})

/** Calls it, as code does that has no types. */
export function callInVain(ref: WorkerRef<typeof callee>, way: Way): Promise<unknown> {
  switch (way) {
    case 'unknown':
      return promised<{ nope: () => Promise<unknown> }>(ref.call).nope()
    case 'unfit':
      return ref.call.add(promised<number>('one'))
    case 'rejects':
      return ref.call.reject()
    case 'late':
      return ref.with({ timeoutMs: 5 }).call.never()
    case 'aborted': {
      const abort = new AbortController()
      const answer = ref.with({ signal: abort.signal, timeoutMs: FOR_EVER_MS }).call.never()
      abort.abort()
      return answer
    }
    case 'ends':
      return ref.with({ timeoutMs: FOR_EVER_MS }).call.never()
    default:
      return way
  }
}

/** What else a worker may ask for and not wait for, by a handle of its node. */
export const DEEDS = ['call', 'run', 'send', 'add', 'remove', 'formed'] as const
export type Deed = (typeof DEEDS)[number]

/** Nothing comes out of it. */
export const broken = defineStage('broken', async (_item: number) => {
  await Promise.resolve()
  throw new Error('at each item')
})

async function readAll(values: AsyncIterable<unknown>): Promise<void> {
  const read: unknown[] = []
  for await (const value of values) read.push(value)
}

function doInVain(node: Node, deed: Deed): Promise<unknown> {
  switch (deed) {
    case 'call':
      return node.getChain('broken').call(1)
    case 'run':
      return readAll(node.getChain('broken').run([1]))
    case 'send':
      return node.getChain('broken').send(1, { signal: AbortSignal.abort() })
    case 'add':
      return node.addWorker(
        { id: 'nowhere', run: callee, placement: { labels: { at: 'nowhere' } } },
        // No word of others is waited for: that may take longer.
        { ack: 'local', timeoutMs: 20 },
      )
    case 'remove':
      return node.removeWorker('nobody')
    case 'formed':
      return node.formed(7, { timeoutMs: 20 })
    default:
      return deed
  }
}

/** The node that the workers of this process may ask, and who hears that one hands over. */
export const asked: { node?: Node; nodes?: Map<string, Node>; onHandoff?: () => void } = {}

export const caller = defineServer('caller', {
  init: context => context,
  call: {
    do: (_context, deed: Deed): void => {
      if (asked.node !== undefined) void doInVain(asked.node, deed)
    },
    /** Of these, both go on until the node stops. */
    waitForEver: (context, id: string): void => {
      void callInVain(context.getWorker(id, callee), 'ends')
      void asked.node?.formed(7, { timeoutMs: FOR_EVER_MS })
    },
    trace: (context, id: string): void => {
      withTrace('its own', () => void callInVain(context.getWorker(id, callee), 'unknown'))
    },
    forget: (context, id: string, way: Way): void => {
      void callInVain(context.getWorker(id, callee), way)
    },
    get: () => 'here',
  },
})

/** Ends only after a call that it has made, and does not wait for, has failed: that is told of in the turn after that. */
export const patient = defineServer('patient', {
  init: context => {
    const { promise: failed, resolve: onFailed } = Promise.withResolvers<void>()
    return { context, failed, onFailed }
  },
  call: {
    forgetItem: ({ onFailed }, chain: string): void => {
      const outcome = asked.node?.getChain(chain).call(1)
      void outcome?.finally(onFailed)
      void outcome?.catch(cause => {
        throw new Error('in vain', { cause })
      })
    },
    forget: ({ context, onFailed }, id: string): void => {
      const answer = context.getWorker(id, callee).with({ timeoutMs: FOR_EVER_MS }).call.never()
      void answer.finally(onFailed)
      void answer.catch(cause => {
        throw new Error('in vain', { cause })
      })
    },
    handoff: ({ context }) => context.handoff,
  },
  handoff: async ({ failed }) => {
    asked.onHandoff?.()
    await failed
    await new Promise(resolve => setImmediate(resolve))
    return 'its state'
  },
  terminate: async ({ context, failed }) => {
    await failed
    await new Promise(resolve => setImmediate(resolve))
    context.log.info({}, `terminated ${context.worker} at ${context.node}`)
  },
})

/** Ends when somebody says so. */
export const fickle = defineServer('fickle', {
  init: context => context,
  call: { never: () => deferred<void>(() => {}) },
  cast: { end: context => context.stop('normal') },
})

/** Ends of its own accord, with one that it has called and does not wait for. */
export const quitter = defineServer('quitter', {
  init: context => ({ context, called: '', failed: Promise.withResolvers<void>() }),
  call: {
    quit: (state, id: string): void => {
      const { context, failed } = state
      state.called = id
      const answer = context.getWorker(id, fickle).with({ timeoutMs: FOR_EVER_MS }).call.never()
      void answer.finally(failed.resolve)
      context.stop('normal')
    },
  },
  terminate: async ({ context, called, failed }) => {
    context.getWorker(called, fickle).cast.end()
    await failed.promise
    await new Promise(resolve => setImmediate(resolve))
    context.log.info({}, `terminated ${context.worker}`)
  },
})

/** Waits for such a call, and has its state when that has failed. */
export const waiter = defineServer('waiter', {
  init: context => context,
  call: { handoff: context => context.handoff },
  cast: {
    ask: (context, id: string) => context.getWorker(id, callee).with({ timeoutMs: FOR_EVER_MS }).call.never(),
  },
  handoff: () => 'its state',
})

/** Is at each item for so long. */
export const LONG_MS = 1_500
export const long = defineStage('long', async (item: number) => {
  await new Promise(resolve => setTimeout(resolve, LONG_MS))
  return item
})

export const quick = defineStage('quick', (item: number) => item)

/** Sends, casts, calls and broadcasts for ever, and waits for nothing. */
export const restless = defineServer('restless', {
  init: context => {
    const { signal, node, getWorker, getGroup } = context
    const timer = setInterval(() => {
      if (signal.aborted) return clearInterval(timer)
      void asked.nodes?.get(node)?.getChain('quick').send(1)
      void asked.nodes?.get(node)?.getChain('quick').call(2)
      const ref = getWorker('called', callee)
      void ref.call.add(1)
      ref.send('hello')
      return getGroup('heard').broadcast('hello')
    }, 10)
    return context
  },
  call: { node: context => context.node },
})

/** Those who stop after it wait for a while. */
export const slow = defineServer('slow', {
  init: () => ({}),
  call: {},
  terminate: () => new Promise(resolve => setTimeout(resolve, 200)),
})
