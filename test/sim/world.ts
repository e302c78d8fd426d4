/**
 * The ground truth of a simulation: which workers really run, noted by the workers themselves, and what happened to
 * every item, noted by who sent it. Nodes may believe what they like; the checkers compare it with this.
 */

import { type FencingToken, compareTokens, generationOf } from '../../src/protocol/fencing-token.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import type { Logger } from '../../src/ports.ts'
import type { SimulatedMesh } from '../../src/testing.ts'

/** A worker that has started and not stopped, as far as its process is up. */
export interface Living {
  readonly worker: string
  readonly node: string
  readonly generation: number
}

/** All that live, each under a name of its own. */
export class LivingWorkers extends Map<string, Living> {
  /** How often somebody has come or gone. */
  changes = 0

  override set(key: string, living: Living): this {
    this.changes += 1
    return super.set(key, living)
  }

  override delete(key: string): boolean {
    this.changes += 1
    return super.delete(key)
  }
}

/** One stream of items from one run of a node through the chain. */
export interface Stream {
  readonly node: string
  readonly sent: number[]
  readonly outcomes: unknown[]
  /** Its node has crashed: what it had sent may be lost. */
  isOrphan: boolean
  error: unknown
  isDone: boolean
}

export class World {
  readonly living = new LivingWorkers()
  /** How often members of a group have crashed, by its id. */
  readonly crashes = new Map<string, number>()
  readonly streams: Stream[] = []
  /** Members throw when they are told to: `worker` of the next victim. */
  victim: string | undefined
  /** An invariant that a worker itself has seen broken. */
  violation: string | undefined
  /** Users have changed members of groups: then not all of a group are of one generation. */
  isEdited = false
  readonly #tokens = new Map<string, FencingToken>()
  #items = 0

  /** A server that says when it starts and ends. */
  readonly witness = defineServer('witness', {
    init: context => {
      this.#checkToken(context.node, context.worker, context.token)
      const { number: generation } = generationOf(context.token)
      this.#checkStart(context.node, context.worker, generation)
      const key = `${context.node} ${context.worker} ${context.token.generation} ${context.random.uint32()}`
      this.living.set(key, {
        worker: context.worker,
        node: context.node,
        generation,
      })
      return { key, worker: context.worker }
    },
    call: { whoami: state => state.worker },
    cast: { heed: (_state, _what: string) => {} },
    info: state => {
      if (this.victim !== state.worker) return
      this.victim = undefined
      this.living.delete(state.key)
      const [spec = ''] = state.worker.split('/')
      this.crashes.set(spec, (this.crashes.get(spec) ?? 0) + 1)
      throw new Error('told to crash')
    },
    terminate: async (state, _reason, context) => {
      // What has to wait for it, has something to wait for.
      await context.sleep(context.random.below(20))
      this.living.delete(state.key)
    },
  })

  /** Makes several out of some: an item is done when all that came of it is. */
  readonly first = defineStage('first', async function* (n: number) {
    for (let index = 0; index < partsOf(n); index++) yield n * 2 + index
  })
  readonly second = defineStage('second', async (n: number, context) => {
    await context.sleep(context.random.below(4))
    return n + 1
  })
  readonly third = defineStage('third', (n: number) => `<${n}>`)

  get behaviours() {
    return [this.witness, this.first, this.second, this.third]
  }

  /** I55: what a node logs as an error is one of the library here: no user gives it cause for any. */
  readonly logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (facts, message) => {
      const texts = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`)
      this.violation ??= `I55: ${[message, ...texts].join(', ')}`
    },
  }

  /** I16: on one node, each worker of a slot has a larger token than those before it. A new run of a node may know nothing of what was. */
  #checkToken(node: string, worker: string, token: FencingToken): void {
    const key = `${node} ${token.owner} ${worker}`
    const before = this.#tokens.get(key)
    const isLarger = before === undefined || compareTokens(token, before) > 0
    const text = JSON.stringify([before, token])
    // A standalone worker that restarts where it is keeps its claim, and the token of it.
    if (!isLarger && worker.includes('/'))
      this.violation ??= `I16: tokens of ${key}, one after the other: ${text}`
    this.#tokens.set(key, token)
  }

  /** I24: where members share their fate, none starts on a node before all of earlier generations there have stopped. */
  #checkStart(node: string, worker: string, generation: number): void {
    if (this.isEdited || !worker.startsWith('line/')) return
    for (const living of this.living.values()) {
      const isOld =
        living.node === node && living.worker.startsWith('line/') && living.generation < generation
      if (isOld)
        this.violation ??= `I24: ${worker} starts on ${node} as ${generation} beside ${living.worker} as ${living.generation}`
    }
  }

  /** A node leaves: nobody on it waits for anything any more. */
  onLeave(node: string): void {
    for (const stream of this.streams) if (stream.node === node && !stream.isDone) stream.isOrphan = true
  }

  /** The process of a node is gone, and its workers with it. */
  onCrash(node: string): void {
    for (const [key, living] of this.living) if (living.node === node) this.living.delete(key)
    for (const stream of this.streams) if (stream.node === node && !stream.isDone) stream.isOrphan = true
  }

  /** Sends `count` new items from a node through the chain, in the background. */
  stream(mesh: SimulatedMesh, node: string, count: number): Stream {
    const sent = Array.from({ length: count }, () => this.#items++)
    const stream: Stream = { node, sent, outcomes: [], isOrphan: false, error: undefined, isDone: false }
    this.streams.push(stream)
    const drain = async (): Promise<void> => {
      for await (const outcome of mesh.node(node).getChain<number>('pipe').run(sent))
        stream.outcomes.push(outcome)
    }
    drain().then(
      () => (stream.isDone = true),
      (error: unknown) => (stream.error = error),
    )
    return stream
  }
}

/** How many items the first stage makes out of one: mostly as many. */
function partsOf(n: number): number {
  return n % 16 === 7 ? 3 : 1
}

/** I37: what the chain makes of an item: all that came of it, in order. */
export function outcomeOf(n: number): string[] {
  return Array.from({ length: partsOf(n) }, (_, index) => `<${n * 2 + index + 1}>`)
}
