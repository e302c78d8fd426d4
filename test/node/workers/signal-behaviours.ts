/** Workers in processes of their own whose code listens to signals itself, and what becomes of them when they end. */

import { defineServer } from '../../../src/node/workers/behaviours.ts'

/** A line on stdout, which a process has in common with the program that has started it. */
const say = (...words: readonly (string | number)[]): void =>
  void process.stdout.write(`${words.join(' ')}\n`)

export const deafToSignals = defineServer('deaf-to-signals', {
  init: context => {
    process.on('SIGTERM', () => say(context.worker, 'ignores SIGTERM'))
    process.on('SIGINT', () => say(context.worker, 'ignores SIGINT'))
    return { worker: context.worker }
  },
  call: {
    where: () => process.pid,
    never: () => new Promise<void>(() => {}),
  },
  terminate: ({ worker }, reason) => say(worker, 'terminates:', String(reason)),
})

export const plain = defineServer('unaware-of-signals', {
  init: context => ({ worker: context.worker }),
  call: { where: () => process.pid },
  terminate: ({ worker }, reason) => say(worker, 'terminates:', String(reason)),
})
