/** Workers that fail as soon as they have answered. */

import { defineServer } from '../../../src/node/workers/behaviours.ts'

/** In the turn in which its code has answered: where that is a thread or process, nothing comes between the two. */
function failAfterwards(): void {
  queueMicrotask(() => {
    throw new RangeError('after its answer')
  })
}

export const server = defineServer('last-answers', {
  init: ({ handoff }) => ({ kept: typeof handoff === 'string' ? handoff : 'nothing' }),
  call: {
    keep: (state, kept: string) => (state.kept = kept),
    get: ({ kept }) => kept,
    answer: () => {
      failAfterwards()
      return 'the answer'
    },
  },
  handoff: ({ kept }) => {
    failAfterwards()
    return kept
  },
})
