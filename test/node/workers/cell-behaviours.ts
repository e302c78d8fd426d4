/** Workers that die in every way there is, in whatever they run. */

import { isMainThread, threadId } from 'node:worker_threads'

import { defineServer, defineStage, defineTask } from '../../../src/node/workers/behaviours.ts'
import type { TaskContext } from '../../../src/node/workers/context.ts'
import { deferred } from '../../../src/node/workers/deferred.ts'
import { transfer } from '../../../src/node/workers/transfer.ts'

/** Ways for code to end, or to go on for ever. */
export const DEATHS = [
  'throw',
  'throw-text',
  'throw-object',
  'throw-proxy',
  'throw-revoked',
  'answer-revoked',
  'reject',
  'stray',
  'stray-rejection',
  'stray-object',
  'exit',
  'exit-caught',
  'memory',
  'loop',
] as const
export type Death = (typeof DEATHS)[number]

export class Misfortune extends Error {
  override readonly name = 'Misfortune'
}

function refuse(): never {
  throw new TypeError('not to be looked at')
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

export function die(how: Death): unknown {
  switch (how) {
    case 'throw':
      throw new Misfortune('thrown')
    case 'throw-text':
      throw 'a text'
    case 'throw-object':
      throw { message: 'gone', code: 'E_GONE' }
    case 'throw-proxy':
      throw new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse })
    case 'throw-revoked':
      throw revoked()
    case 'answer-revoked':
      return revoked()
    case 'reject':
      return Promise.reject(new Misfortune('rejected'))
    case 'stray':
      setTimeout(() => {
        throw new Misfortune('stray')
      }, 1)
      return new Promise(() => {})
    case 'stray-rejection':
      void Promise.reject(new Misfortune('stray rejection'))
      return new Promise(() => {})
    case 'stray-object':
      void Promise.reject({ code: 42 })
      return new Promise(() => {})
    case 'exit':
      return process.exit(7)
    case 'exit-caught':
      try {
        return process.exit(7)
      } catch {
        return new Promise(() => {})
      }
    case 'memory': {
      const hoard: unknown[] = []
      for (;;)
        hoard.push({ text: `${hoard.length}`, more: Array.from({ length: 1_000 }, () => hoard.length) })
    }
    case 'loop':
      for (;;);
    default:
      return undefined
  }
}

/** Where this code runs. */
export function place() {
  return { pid: process.pid, isMainThread, threadId }
}

export const server = defineServer('cell-server', {
  init: (context, start: number) => ({
    total: start,
    context,
    heard: new Array<unknown>(),
    kept: new Uint8Array(),
  }),
  call: {
    get: state => state.total,
    compute: (_state, durationMs: number) => {
      const endMs = performance.now() + durationMs
      while (performance.now() < endMs);
    },
    add: (state, by: number) => (state.total += by),
    later: async (state, by: number) => {
      await state.context.sleep(1)
      return (state.total += by)
    },
    where: () => place(),
    heard: state => state.heard,
    die: (_state, how: Death) => die(how),
    facts: ({ context: { worker, spec, node, token, random } }) => ({
      worker,
      spec,
      node,
      token,
      drawn: random.uint32(),
    }),
    /** Neither comes back, nor hears that it is to stop. */
    ignore: async ({ context }, how: 'hold' | 'loop') => {
      context.log.info({}, 'ignoring')
      if (how === 'loop') for (;;);
      await new Promise(() => {})
    },
    take: (_state, value: unknown) => typeof value,
    giveFunction: () => ({ fn: () => 'not to be copied' }),
    /** Keeps a buffer, and gives it back: `kept` as it is, or given away. */
    keep: (state, data: Uint8Array<ArrayBuffer>) => {
      state.kept = data
      return data
    },
    give: state => transfer({ nested: [state.kept] }),
    keptLength: state => state.kept.byteLength,
    hold: (state, data: Uint8Array<ArrayBuffer>) => {
      state.kept = data
      return data.byteLength
    },
    length: (_state, data: Uint8Array) => data.byteLength,
  },
  cast: {
    set: (state, total: number) => {
      state.total = total
    },
    die: (_state, how: Death) => void die(how),
  },
  info: (state, message) => {
    state.heard.push(message)
  },
})

/** Stops when it is told to. */
export const polite = defineServer('cell-polite', {
  init: context => context,
  call: {
    where: () => place(),
    untilStopped: async context => {
      context.log.info({}, 'waiting')
      await context.sleep(60_000)
      return 'stopped'
    },
  },
  terminate: ({ log, signal }) => {
    log.info({ pid: process.pid, isAborted: signal.aborted }, 'good-bye')
  },
})

/** Leaves its state to its successor: a map with a buffer in it. */
export const heir = defineServer('cell-heir', {
  init: ({ handoff, node, signal }) => ({
    signal,
    kept: handoff instanceof Map ? handoff : new Map<unknown, unknown>([['data', new Uint8Array(100_000)]]),
    heard: new Array<unknown>(),
    node,
  }),
  call: {
    add: ({ kept }, by: number): number => {
      const data: unknown = kept.get('data')
      if (!(data instanceof Uint8Array)) throw new TypeError('the buffer has not come along')
      data[99_999] = (data[99_999] ?? 0) + by
      return data[99_999] ?? 0
    },
    heard: state => state.heard,
    node: state => state.node,
    /** Under way until the worker is to stop, and a little longer. */
    atTheEnd: state =>
      deferred(
        new Promise<string>(resolve => {
          state.signal.addEventListener('abort', () => setImmediate(resolve, 'in time'))
        }),
      ),
  },
  info: (state, message) => void state.heard.push(message),
  handoff: state => state.kept,
})

/** Ends when nothing comes. */
export const drowsy = defineServer('cell-drowsy', {
  init: () => ({ count: 0 }),
  call: { add: (state, by: number) => (state.count += by) },
  idle: {
    timeoutMs: 20,
    handle: (state, context) => {
      const reason = new AggregateError([new RangeError('inner')], `idle after ${state.count}`)
      context.stop(Object.assign(reason, { name: 'Drowsy', code: 5 }))
    },
  },
})

/** Logs what it hears. */
export const ears = defineTask('cell-ears', async context => {
  for await (const message of context.messages) context.log.info({}, String(message))
})

export const task = defineTask('cell-task', async (context: TaskContext<Death>) => {
  for await (const how of context.messages) await die(how)
})

export const stage = defineStage('cell-stage', async (item: number | Death) => {
  if (typeof item === 'string') await die(item)
  return { item, ...place() }
})

export const size = defineStage('cell-size', (data: Uint8Array) => data.byteLength)

export const many = defineStage('cell-many', async function* (count: number) {
  for (let n = 0; n < count; n++) yield n
})
