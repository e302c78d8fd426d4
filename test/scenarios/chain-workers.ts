/** What the scenarios of chains run, and what they do again and again. */

import type { ChainRef } from '../../src/node/chain/chain-ref.ts'
import type { NodeEventOf } from '../../src/node/event-bus.ts'
import { defineStage } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from '../sim/all-see-all.ts'

/** What user code has seen: the ground truth of a test. */
export class Notes {
  /** What the callback at the end was given, in order, and by which names. */
  readonly finished: unknown[] = []
  readonly finishedIds: string[] = []
  /** Which worker of `who` was given what, in order. */
  readonly handled: { readonly worker: string; readonly generation: number; readonly item: unknown }[] = []
  /** How often each item was tried by `flaky`. */
  readonly tries = new Map<number, number>()

  readonly add = defineStage('add', (n: number) => n + 1)
  readonly echo = defineStage('echo', (value: unknown) => value)
  readonly slow = defineStage('slow', async (n: number, context) => {
    await context.sleep(50)
    return n + 1
  })
  readonly echoNumber = defineStage('echo-number', (n: number) => n)
  readonly pause = defineStage('pause', async (value: unknown, context) => {
    await context.sleep(20)
    return value
  })
  readonly hour = defineStage('hour', async (n: number, context) => {
    await context.sleep(60 * 60 * 1_000)
    return n
  })
  readonly twice = defineStage('twice', async function* (n: number) {
    yield n
    yield n + 1_000
  })
  /** Says who it is. The key of an item is its last digit. */
  readonly who = defineStage(
    'who',
    (n: number, context) => {
      this.handled.push({ worker: context.worker, generation: context.token.generation, item: n })
      return context.worker
    },
    { key: n => n % 10 },
  )
  /** Goes by a name that not everything has. */
  readonly whoText = defineStage('who-text', (_value: unknown, context) => context.worker, {
    key: value =>
      typeof value === 'object' && value !== null && 'name' in value ? String(value.name) : notText(),
  })
  /** Throws at 13, always. */
  readonly picky = defineStage('picky', (n: number) => {
    if (n === 13) throw new RangeError('not thirteen')
    return n
  })
  /** Throws twice at every number that ends in 7, and then no more. */
  readonly flaky = defineStage('flaky', (n: number, context) => {
    const tries = (this.tries.get(n) ?? 0) + 1
    this.tries.set(n, tries)
    this.handled.push({ worker: context.worker, generation: context.token.generation, item: n })
    if (n % 10 === 7 && tries < 3) throw new Error(`not yet ${n}`)
    return n
  })
  /** Ends itself when told to, after a while otherwise. */
  readonly mortal = defineStage('mortal', async (n: number, context) => {
    await context.sleep(5)
    if (this.victims.delete(n)) throw new Error('told to crash')
    return n
  })
  /** `mortal` crashes at these, once each. */
  readonly victims = new Set<number>()
  /** Drops what is even, and throws at 13. */
  readonly moody = defineStage('moody', (n: number, context) => {
    this.visits.push({ context, id: context.id, attempt: context.attempt, item: n })
    if (n === 13) throw new RangeError('not thirteen')
    return n % 2 === 0 ? undefined : n
  })
  readonly witness = defineStage('witness', (n: number, context) => {
    this.visits.push({ context, id: context.id, attempt: context.attempt, item: n })
    return n
  })
  /** What `moody` and `witness` were given, in order; each worker has one context all its life. */
  readonly visits: {
    readonly context: object
    readonly id: string
    readonly attempt: number
    readonly item: number
  }[] = []
  /** Says through which workers an item has gone. */
  readonly trail = defineStage('trail', (path: readonly string[], context) => [...path, context.worker])
  readonly slowTrail = defineStage('slow-trail', async (path: readonly string[], context) => {
    await context.sleep(20)
    return [...path, context.worker]
  })
  readonly store = defineStage('store', (value: unknown, context) => {
    this.finished.push(value)
    this.finishedIds.push(context.id)
  })
  readonly badStore = defineStage('bad-store', (value: unknown) => {
    this.finished.push(value)
    throw new Error('the disk is full')
  })

  get behaviours() {
    const { add, echo, echoNumber, slow, pause, hour, twice } = this
    const { who, whoText, picky, flaky, mortal, moody, witness, trail, slowTrail, store, badStore } = this
    return [
      add,
      echo,
      echoNumber,
      slow,
      pause,
      hour,
      twice,
      who,
      whoText,
      picky,
      flaky,
      mortal,
      moody,
      witness,
      trail,
      slowTrail,
      store,
      badStore,
    ]
  }
}

function notText(): never {
  throw new TypeError('it has no name')
}

export interface Scene extends AsyncDisposable {
  readonly notes: Notes
  readonly mesh: SimulatedMesh
}

/** A simulated mesh, of one node where nothing else is asked for, with the stages above. */
export async function scene(nodes = 1): Promise<Scene> {
  const notes = new Notes()
  const mesh = await simulate({ nodes, behaviours: notes.behaviours })
  await allSeeAll(mesh)
  return { notes, mesh, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() }
}

export const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** All events of one kind on the first node, as they come. */
export function eventsOf<K extends Parameters<ReturnType<SimulatedMesh['node']>['on']>[0]>(
  mesh: SimulatedMesh,
  kind: K,
): NodeEventOf<K>[] {
  const events: NodeEventOf<K>[] = []
  mesh.node('n1').on(kind, event => events.push(event))
  return events
}

export function workersOf(mesh: SimulatedMesh, chain: string) {
  return (
    mesh
      .node('n1')
      .snapshot()
      .specs.find(spec => spec.id === chain)?.workers ?? []
  )
}

/** Waits until all that has been sent is through, dead or alive. */
export async function quiet<In, Out, Inputs>(
  mesh: SimulatedMesh,
  chain: ChainRef<In, Out, Inputs>,
): Promise<void> {
  await mesh.until('all is through', () => {
    const { accepted, finished, dead, dropped } = chain.stats
    return accepted === finished + dead + dropped
  })
}
