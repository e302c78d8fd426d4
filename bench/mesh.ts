/** A mesh for a benchmark: this process and some children, on loopback, with everything on. */

import { randomUUID } from 'node:crypto'

import { type Node, createNode } from '../src/index.ts'
import * as behaviours from './behaviours.ts'
import { Child, textOf } from './processes.ts'

export interface BenchMesh {
  readonly node: Node
  /** The ids of the nodes of the children. */
  readonly ids: readonly string[]
  readonly children: readonly Child[]
  stop(): Promise<void>
}

export async function startMesh(childCount: number): Promise<BenchMesh> {
  const cluster = randomUUID()
  const node = await createNode({
    cluster,
    behaviours: [behaviours],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
    logger: false,
  })
  const children = Array.from(
    { length: childCount },
    () => new Child('mesh-child.ts', [cluster, node.addresses[0] ?? '']),
  )
  const ready = await Promise.all(children.map(child => child.reply()))
  await node.formed(childCount + 1)
  return {
    node,
    ids: ready.map(reply => textOf(reply, 'id')),
    children,
    stop: async () => {
      await Promise.all(children.map(child => child.stop()))
      await node.stop()
    },
  }
}
