// shell
/** The three nodes of the demo: this process and two others, which find each other and do not outlive it. */

import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

import { createNode } from '../../node/create-node.ts'
import type { Node } from '../../node/node.ts'
import * as behaviours from './behaviours.ts'

/** What a child process is told. */
export interface ChildOrders {
  readonly cluster: string
  readonly secret: string
  readonly name: string
  readonly seed: string
}

export const ORDERS_VARIABLE = 'MESHVISOR_DEMO'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']
const NAMES = ['beta', 'gamma'] as const
const EXIT_TIMEOUT_MS = 3_000

/** Three processes of a slow or busy machine may take long to load: one that ends tells so at once. */
const FORMED_MS = 120_000

export class DemoCluster {
  readonly node: Node
  readonly #children = new Map<string, ChildProcess>()

  private constructor(node: Node) {
    this.node = node
  }

  static async start(signal: AbortSignal): Promise<DemoCluster> {
    const mesh = { cluster: `demo-${process.pid}`, secret: randomBytes(16).toString('hex') }
    const node = await createNode({ ...mesh, name: 'alpha', behaviours: [behaviours], listen: LISTEN })
    const cluster = new DemoCluster(node)
    try {
      // They find each other by multicast too; where there is none (containers), the seed does.
      for (const name of NAMES) cluster.#spawn({ ...mesh, name, seed: node.addresses[0] ?? '' })
      await Promise.race([
        node.formed(1 + NAMES.length, { signal, timeoutMs: FORMED_MS }),
        cluster.#failure(),
      ])
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** The name and process of every node that takes part. */
  describe(): string {
    return [...this.node.members()]
      .map(({ id, name }) => `${name} (process ${id === this.node.id ? process.pid : this.pidOf(name)})`)
      .toSorted()
      .join(', ')
  }

  pidOf(name: string): number | undefined {
    return this.#children.get(name)?.pid
  }

  /** Which worker runs on which node. */
  layout(chain: string): string {
    const names = new Map(this.node.members().map(({ id, name }) => [id, name]))
    const workers = this.node.snapshot().specs.find(({ id }) => id === chain)?.workers ?? []
    const byNode = Map.groupBy(workers, ({ node }) => names.get(node) ?? 'gone')
    return [...byNode]
      .map(
        ([name, held]) =>
          `${name}: ${held
            .map(({ slot }) => slot.slice(chain.length + 1))
            .toSorted()
            .join(' ')}`,
      )
      .toSorted()
      .join(' · ')
  }

  /** Kills the child that holds most workers of the chain, as a power cut would. @returns its name and process */
  async kill(chain: string): Promise<{ readonly name: string; readonly pid: number } | undefined> {
    const names = new Map(this.node.members().map(({ id, name }) => [id, name]))
    const workers = this.node.snapshot().specs.find(({ id }) => id === chain)?.workers ?? []
    const held = (name: string): number => workers.filter(({ node }) => names.get(node) === name).length
    const [victim] = [...this.#children].toSorted(([a], [b]) => held(b) - held(a) || (a < b ? -1 : 1))
    if (victim?.[1].pid === undefined) return undefined
    const [name, child] = victim
    this.#children.delete(name)
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    return { name, pid: victim[1].pid }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#children.values()].map(stopChild))
    this.#children.clear()
    await this.node.stop()
  }

  #spawn(orders: ChildOrders): void {
    // The same file extension as this file has: TypeScript in the repository, JavaScript in the package.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const child = fork(new URL(`child.${extension}`, import.meta.url), [], {
      env: { ...process.env, [ORDERS_VARIABLE]: JSON.stringify(orders) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#children.set(orders.name, child)
  }

  /** Rejects when a child ends before its time. */
  async #failure(): Promise<never> {
    const exits = [...this.#children].map(async ([name, child]) => {
      await once(child, 'exit')
      const code = child.exitCode ?? child.signalCode
      return new Error(`the process of ${name} ended with ${code} before the mesh had formed`)
    })
    throw await Promise.race(exits)
  }
}

/** Asks it to end, and kills it when it does not. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_TIMEOUT_MS)
  await exit
  clearTimeout(timer)
}
