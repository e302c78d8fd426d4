/**
 * I21: workers that ignore their signal. They are given up, or another node has them, and whatever their code does after
 * that, it reaches nobody: here it tries everything, all the time, with the context that it was given, and with its node,
 * which it has kept.
 */

import { AsyncLocalStorage } from 'node:async_hooks'

import { defineTask } from '../../src/node/workers/behaviours.ts'
import type { TaskContext } from '../../src/node/workers/context.ts'
import { FencedError } from '../../src/errors.ts'
import type { WorkerRef } from '../../src/node/messaging/refs.ts'
import { generationOf } from '../../src/protocol/fencing-token.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import type { Prng } from '../../src/prng.ts'
import type { Node } from '../../src/node/node.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { isElsewhere } from './elsewhere.ts'
import { InvariantError } from './invariant-error.ts'
import type { World } from './world.ts'

/** By how long they have to stop: where that is as long as by default, another node has had them for long. */
const STOP_MS = { rebel0: 200, rebel1: 200, rebel2: undefined } as const
const IDS = Object.keys(STOP_MS)
/** A group of those that have as long as by default. */
const BAND = ['a', 'b']

/** Code that is over tries at each of so many looks, a second's worth, and then at every so-manieth. */
const LOOKS_EAGER = 20
const LOOKS_BETWEEN = 16

/** Code that has been started, and never ends. */
interface Rebel {
  readonly key: string
  readonly node: Node
  readonly context: TaskContext
  /** Runs code as if it were its own. */
  readonly asItself: (code: () => void) => void
  /** Its node has said that its worker is over, or knows that another one has it. */
  isOver: boolean
  /** How often it was looked at since then, where its code could run. */
  lookCount: number
}

export class Rebels {
  readonly #world: World
  readonly #prng: Prng
  #rebels: Rebel[] = []
  readonly #watched = new WeakSet<Node>()
  #mesh: SimulatedMesh | undefined
  /** How often code of a worker that was over has tried something. */
  attemptCount = 0
  /** How many of them another node had before they were over. */
  overruledCount = 0
  #violation: string | undefined

  readonly rebel = defineTask('rebel', async context => {
    const { node, worker, token } = context
    const of = this.#mesh?.node(node)
    if (of === undefined) return
    const key = `${node} ${worker} ${token.generation} ${context.random.uint32()}`
    const asItself = AsyncLocalStorage.snapshot()
    this.#rebels.push({ key, node: of, context, asItself, isOver: false, lookCount: 0 })
    this.#world.living.set(key, { worker, node, generation: generationOf(token).number })
    await new Promise(() => {})
  })

  constructor(world: World, prng: Prng) {
    this.#world = world
    this.#prng = prng
  }

  async declare(mesh: SimulatedMesh): Promise<void> {
    this.#mesh = mesh
    this.#watch(mesh)
    const intensity = { restarts: 1_000, withinMs: 1_000 }
    const node = mesh.node('n1')
    const { rebel } = this
    const strategy = this.#prng.pick(GROUP_STRATEGIES)
    const members = BAND.map(id => ({ id, run: rebel }))
    await Promise.all([
      node.addGroup({ id: 'band', strategy, members, intensity }),
      ...Object.entries(STOP_MS).map(([id, stopTimeoutMs]) =>
        node.addWorker({ id, run: rebel, intensity, ...(stopTimeoutMs && { stopTimeoutMs }) }),
      ),
    ])
  }

  /** A user restarts one; nobody waits for it. @returns whether there was anything to do */
  restartOne(mesh: SimulatedMesh): boolean {
    const node = mesh.node(this.#prng.pick(mesh.awake))
    const id = this.#prng.pick(IDS)
    if (node.findWorker(id) === undefined) return false
    node.restartWorker(id).catch(() => {})
    return true
  }

  /** Notes who has been overruled: they do not say so themselves. To be asked before anybody asks who lives. */
  look(mesh: SimulatedMesh): void {
    this.#watch(mesh)
    // The code of a process that is gone is gone.
    const nodes = new Set([...mesh.up, ...mesh.leaving].map(id => mesh.node(id)))
    this.#rebels = this.#rebels.filter(({ node }) => nodes.has(node))
    for (const rebel of this.#rebels) this.#lookAt(rebel)
  }

  /** Those who are over try everything. */
  check(mesh: SimulatedMesh): void {
    this.look(mesh)
    const awake = new Set(mesh.awake.map(id => mesh.node(id)))
    for (const rebel of this.#rebels) {
      const { key, node, context, asItself } = rebel
      if (!rebel.isOver || !awake.has(node)) continue
      rebel.lookCount += 1
      if (rebel.lookCount > LOOKS_EAGER && rebel.lookCount % LOOKS_BETWEEN !== 0) continue
      this.attemptCount += 1
      this.#reach(key, context.getWorker('lone', this.#world.witness))
      if (mesh.up.includes(node.id)) asItself(() => this.#reachAsItself(rebel))
    }
    if (this.#violation !== undefined) throw new InvariantError(this.#violation)
  }

  /** Who knows that another node has the worker, does not wait for its end. */
  #lookAt(rebel: Rebel): void {
    const { key, node, context } = rebel
    if (rebel.isOver || !isElsewhere(node, context.worker)) return
    this.overruledCount += 1
    rebel.isOver = true
    this.#world.living.delete(key)
  }

  /** What its context would refuse, it tries by its node. */
  #reachAsItself({ key, node }: Rebel): void {
    const lone = node.findWorker('lone', this.#world.witness)
    if (lone === undefined) return
    this.#reach(`${key}, by its node,`, lone)
    this.#expectRefusal(`${key} has stopped a worker`, node.stopWorker('lone'))
    this.#expectRefusal(`${key} has declared a worker`, node.addWorker({ run: this.rebel }))
  }

  #reach(key: string, lone: WorkerRef<World['witness']>): void {
    this.#expectFence(`${key} has sent`, () => lone.send('from beyond'))
    this.#expectFence(`${key} has cast`, () => lone.cast.heed('from beyond'))
    this.#expectRefusal(`${key} has called`, lone.call.whoami())
  }

  #expectRefusal(what: string, effect: Promise<unknown>): void {
    void effect.then(
      () => this.#object(what),
      (error: unknown) => this.#expectError(what, error),
    )
  }

  #expectFence(what: string, effect: () => void): void {
    try {
      effect()
    } catch (error) {
      return this.#expectError(what, error)
    }
    this.#object(what)
  }

  #expectError(what: string, error: unknown): void {
    if (!(error instanceof FencedError)) this.#object(`${what}: ${String(error)}`)
  }

  #object(what: string): void {
    this.#violation ??= `I21: ${what}`
  }

  /** Listens to the nodes that have started since. */
  #watch(mesh: SimulatedMesh): void {
    for (const id of mesh.up) {
      const node = mesh.node(id)
      if (this.#watched.has(node)) continue
      this.#watched.add(node)
      node.on('worker:exit', ({ slot }) => {
        for (const rebel of this.#rebels) {
          if (rebel.node !== node || rebel.context.worker !== slot) continue
          rebel.isOver = true
          this.#world.living.delete(rebel.key)
        }
      })
    }
  }
}
