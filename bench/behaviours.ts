/** What the nodes of the benchmarks run. */

import { defineServer, defineStage } from '../src/index.ts'

export interface Payload {
  readonly n: number
  readonly text: string
}

/** 100 bytes on the wire. */
export function payload(n: number): Payload {
  return { n, text: 'x'.repeat(84) }
}

export const echo = defineServer('echo', {
  init: () => ({ count: 0 }),
  call: {
    echo: (_state, item: Payload) => item,
    count: state => state.count,
  },
  cast: {
    note: (state, _item: Payload) => {
      state.count += 1
    },
  },
})

export const add = defineStage('add', (item: Payload) => ({ ...item, n: item.n + 1 }))

/** Does next to nothing. */
export const idle = defineServer('idle', {
  init: () => ({ count: 0 }),
  call: { ping: () => 'pong' },
  info: (_state, message) => {
    if (message === 'crash') throw new Error('told to crash')
  },
})
