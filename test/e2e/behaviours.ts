/** Workers of the end-to-end tests. */

import { defineServer, defineStage } from '../../src/index.ts'

export const work = defineStage('work', async (n: number, context) => {
  await context.sleep(2)
  return n * 2
})
export const label = defineStage('label', (n: number) => `<${n}>`)

/** Takes along what it has counted. */
export const keeper = defineServer('keeper', {
  init: context => ({ calls: 0, casts: 0, ...(isCount(context.handoff) ? context.handoff : {}) }),
  call: {
    add: state => (state.calls += 1),
    counts: state => ({ calls: state.calls, casts: state.casts, pid: process.pid }),
  },
  cast: { add: state => void (state.casts += 1) },
  handoff: ({ calls, casts }) => ({ calls, casts }),
})

function isCount(value: unknown): value is { readonly calls: number; readonly casts: number } {
  return typeof value === 'object' && value !== null && 'calls' in value && 'casts' in value
}

export const member = defineServer('member', {
  init: context => ({ generation: context.token.generation }),
  call: {
    whoami: state => ({ generation: state.generation, pid: process.pid }),
    crash: (): void => {
      throw new Error('told to crash')
    },
  },
})
