/** Workers of the end-to-end tests. */

import { defineServer, defineStage } from '../../src/index.ts'

export const work = defineStage('work', async (n: number, context) => {
  await context.sleep(2)
  return n * 2
})
export const label = defineStage('label', (n: number) => `<${n}>`)

export const member = defineServer('member', {
  init: context => ({ generation: context.token.generation }),
  call: {
    whoami: state => ({ generation: state.generation, pid: process.pid }),
    crash: (): void => {
      throw new Error('told to crash')
    },
  },
})
