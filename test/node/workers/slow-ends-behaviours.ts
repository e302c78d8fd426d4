/** A server that hands over its count, in whatever it runs. */

import { defineServer } from '../../../src/node/workers/behaviours.ts'

export const counter = defineServer('slow-ends-counter', {
  init: (context, isSound: boolean) => {
    if (!isSound) throw new RangeError('cannot start')
    return { context, count: typeof context.handoff === 'number' ? context.handoff : 0 }
  },
  call: {
    count: state => state.count,
    /** Until it is to stop. */
    rest: ({ context }) => context.sleep(60_000),
  },
  cast: {
    /** For ever. */
    hang: () => new Promise<void>(() => {}),
    fail: () => {
      throw new RangeError('cannot go on')
    },
    add: (state, by: number) => void (state.count += by),
  },
  handoff: state => state.count,
})
