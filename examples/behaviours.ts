/** Workers of the examples. Every node of a mesh imports a module like this one. */

import { defineServer, defineStage } from 'meshvisor'

/** A server: state, and functions to call. */
export const counter = defineServer('counter', {
  init: (_context, start: number) => ({ total: start }),
  call: {
    add: (state, by: number) => (state.total += by),
    get: state => state.total,
  },
})

/** A member of a group: it keeps what it hears. */
export const listener = defineServer('listener', {
  init: context => ({ node: context.node, heard: new Array<unknown>() }),
  call: {
    heard: state => state.heard,
    where: state => state.node,
    stumble: (): void => {
      throw new Error('stumbled')
    },
  },
  info: (state, message) => {
    state.heard.push(message)
  },
})

/** A stage that gives many items for one. */
export const words = defineStage('words', async function* (line: string) {
  for (const [word] of line.matchAll(/\p{L}+/gu)) yield word
})

/** A stage that gives one item for one. */
export const shout = defineStage('shout', (word: string) => word.toUpperCase())
