/** Nodes for tests over real sockets. */

import { randomUUID } from 'node:crypto'

import { type Node, type NodeInit, createNode } from '../src/index.ts'

export const LOOPBACK = ['/ip4/127.0.0.1/tcp/0']

/** A node on loopback, in a mesh of its own unless `cluster` says which, that looks for nobody and says nothing. */
export function localNode(init: NodeInit = {}): Promise<Node> {
  return createNode({
    cluster: randomUUID(),
    listen: LOOPBACK,
    discovery: { mdns: false },
    logger: false,
    ...init,
  })
}
