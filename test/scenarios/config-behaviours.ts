/** Workers of the configs in the tests. */

import { defineServer, defineStage } from '../../src/index.ts'

export const counter = defineServer('counter', {
  init: (_context, start: number) => ({ total: start }),
  call: { get: state => state.total },
})
export const plain = defineServer('plain', { init: () => ({}), call: { ping: () => 'pong' } })
export const broken = defineServer('broken', {
  init: (): object => {
    throw new Error('cannot start')
  },
})
/** Who of the next one runs. */
export const alive = new Set<string>()
export const tracked = defineServer('tracked', {
  init: context => {
    alive.add(context.worker)
    return { worker: context.worker }
  },
  terminate: state => void alive.delete(state.worker),
})
export const double = defineStage('double', (n: number) => n * 2)
