/** A mesh of three: a node of this very process, and two in processes of their own that join by it. */

import { randomUUID } from 'node:crypto'

import type { Node } from '../../src/index.ts'
import { localNode } from '../local-node.ts'
import { NodeProcess } from './processes.ts'

export class Three {
  readonly node: Node
  readonly others: readonly NodeProcess[]

  private constructor(node: Node, others: readonly NodeProcess[]) {
    this.node = node
    this.others = others
  }

  static async start(): Promise<Three> {
    const cluster = randomUUID()
    const node = await localNode({
      cluster,
      secret: 'end-to-end',
      behaviours: [new URL('behaviours.ts', import.meta.url).href],
    })
    const seed = node.addresses[0] ?? ''
    const others = await Promise.all(['b', 'c'].map(name => NodeProcess.start({ cluster, name, seed })))
    await node.formed(3)
    return new Three(node, others)
  }

  /** Also where some of them have stopped, or were killed. */
  async stop(): Promise<void> {
    await Promise.all(this.others.map(other => other.stop()))
    await this.node.stop()
  }

  /** The nodes of the workers of a spec. */
  homes(id: string): (string | undefined)[] {
    const spec = this.node.snapshot().specs.find(each => each.id === id)
    return spec?.workers.map(worker => worker.node) ?? []
  }
}
