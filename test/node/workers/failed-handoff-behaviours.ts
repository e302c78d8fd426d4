/** A server that cannot be handed over, or does not end in peace, in whatever it runs. */

import { defineServer } from '../../../src/node/workers/behaviours.ts'

/** What is wrong with it. */
export type Fault = 'throws' | 'function' | 'large' | 'terminate' | 'exits' | 'hangs'

export const fragile = defineServer('fragile', {
  init: (context, fault: Fault) => ({
    context,
    fault,
    count: typeof context.handoff === 'number' ? context.handoff : 0,
  }),
  call: {
    count: state => state.count,
    node: state => state.context.node,
    /** Until it is to stop. */
    rest: ({ context }) => {
      context.log.info({}, 'at rest')
      return context.sleep(60_000)
    },
    die: () => {
      throw new RangeError('on purpose')
    },
  },
  cast: { add: (state, by: number) => void (state.count += by) },
  handoff: ({ fault, count }) => {
    if (fault === 'throws') throw new RangeError('cannot hand over')
    if (fault === 'function') return { close: () => {} }
    return fault === 'large' ? new Uint8Array(2_000_000) : count
  },
  terminate: ({ fault, context }, reason) => {
    context.log.info({}, `terminated: ${String(reason)}`)
    if (fault === 'terminate') throw new RangeError('cannot let go')
    if (fault === 'exits') process.exit(3)
    return fault === 'hangs' ? new Promise(() => {}) : undefined
  },
})
