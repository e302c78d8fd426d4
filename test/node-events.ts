/** Waiting for what a node says of its workers. */

import type { Node, NodeEventOf } from '../src/index.ts'

/** The next end of a worker of the spec or slot. */
export function nextExit(node: Node, id: string): Promise<NodeEventOf<'worker:exit'>> {
  return new Promise(resolve => {
    const off = node.on('worker:exit', event => {
      if (event.slot !== id && !event.slot.startsWith(`${id}/`)) return
      off()
      resolve(event)
    })
  })
}

/** The next start of the worker of a slot. */
export function nextStart(node: Node, slot: string): Promise<void> {
  return new Promise(resolve => {
    const off = node.on('worker:start', event => {
      if (event.slot !== slot) return
      off()
      resolve()
    })
  })
}
