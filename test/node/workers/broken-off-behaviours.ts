/** A server and a task whose work their signal ends, in whatever they run. */

import { setTimeout as wait } from 'node:timers/promises'

import { defineServer, defineTask } from '../../../src/node/workers/behaviours.ts'
import type { WorkerContext } from '../../../src/node/workers/context.ts'

export type How = 'timer' | 'reason' | 'floating' | 'fault'

async function workUntilAborted({ signal, log }: WorkerContext, how: How): Promise<void> {
  const working = wait(60_000, undefined, { signal })
  log.info({}, 'at work')
  if (how === 'timer') return working
  if (how === 'floating') leaveBehind(signal)
  await working.catch(() => {})
  if (how === 'floating') return undefined
  throw how === 'reason' ? signal.reason : new RangeError('on purpose')
}

/** What nobody waits for, and the signal ends: a promise, and what listens. */
function leaveBehind(signal: AbortSignal): void {
  void wait(60_000, undefined, { signal })
  signal.addEventListener('abort', () => {
    throw signal.reason
  })
}

export const server = defineServer('server', {
  init: context => ({ context, count: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: {
    count: state => state.count,
    node: state => state.context.node,
    work: ({ context }, how: How) => workUntilAborted(context, how),
  },
  cast: { add: (state, by: number) => void (state.count += by) },
  handoff: state => state.count,
})

/** Works where it is told to, and reads elsewhere. */
export const task = defineTask('task', async (context, node: string, how: How) => {
  if (context.node === node) await workUntilAborted(context, how)
  for await (const message of context.messages) context.log.info({}, `read ${String(message)}`)
})
