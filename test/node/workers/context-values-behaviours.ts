/** Workers that give their context what is no reason, and no time. By name, as not all of it can travel. */

import { defineServer, defineStage, defineTask } from '../../../src/node/workers/behaviours.ts'
import type { TaskContext, WorkerContext } from '../../../src/node/workers/context.ts'

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** What is no reason to stop, and how it is shown. */
export const REASONS = {
  'another text': ['weird', '"weird"'],
  'how others end': ['stopped', '"stopped"'],
  'an empty text': ['', '""'],
  'an object': [{}, '{}'],
  null: [null, 'null'],
  'a number': [5, '5'],
  'a symbol': [Symbol('x'), 'Symbol(x)'],
  'what throws': [revoked(), 'an object that cannot be shown'],
} as const
export type ReasonName = keyof typeof REASONS
export const REASON_NAMES: readonly ReasonName[] = [
  'another text',
  'how others end',
  'an empty text',
  'an object',
  'null',
  'a number',
  'a symbol',
  'what throws',
]

/** What is no time. */
export const DELAYS = { 'no number': NaN, negative: -5, text: 'x', nothing: undefined } as const
export type DelayName = keyof typeof DELAYS
export const DELAY_NAMES: readonly DelayName[] = ['no number', 'negative', 'text', 'nothing']

/** As code without types does. */
function stop(context: WorkerContext, name: ReasonName): void {
  Reflect.apply(context.stop, undefined, [REASONS[name][0]])
}

/** What a call of it throws, or rejects with. */
async function refusal(code: (...args: never) => unknown, args: readonly unknown[]): Promise<string> {
  try {
    await Reflect.apply(code, undefined, args)
  } catch (error) {
    if (error instanceof Error) return `${error.name}: ${error.message}`
  }
  return 'taken'
}

export const wisher = defineServer('values-wisher', {
  init: context => ({ context, heard: 0 }),
  call: {
    stop: (state, name: ReasonName) => {
      stop(state.context, name)
      return 'not stopped'
    },
    /** Two reasons, one after the other. */
    stopTwice: state => {
      state.context.stop('shutdown')
      state.context.stop(new Error('a second reason'))
      return 'stopped'
    },
    sleep: (state, name: DelayName) => refusal(state.context.sleep, [DELAYS[name]]),
    sendAfter: (state, name: DelayName) => refusal(state.context.sendAfter, [DELAYS[name], 'too early']),
    heard: state => state.heard,
  },
  info: state => {
    state.heard += 1
  },
})

export const wishingTask = defineTask('values-task', async (context: TaskContext<ReasonName>) => {
  for await (const name of context.messages) stop(context, name)
})

export const wishingStage = defineStage('values-stage', (name: ReasonName | 'twice', context) => {
  if (name !== 'twice') stop(context, name)
  context.stop('shutdown')
  context.stop(new Error('a second reason'))
  return name
})
