/**
 * A chain whose items have keys, of which some are poison, and whose workers throw now and then: the ground truth of it,
 * noted by its stages and by those who send. What the protocol promises is checked as it happens.
 */

import type { StageContext } from '../../src/node/workers/context.ts'
import { defineStage } from '../../src/node/workers/behaviours.ts'
import type { Prng } from '../../src/prng.ts'
import { CHAIN_STRATEGIES } from '../../src/protocol/spec-row.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { specId } from '../../src/ids.ts'
import { InvariantError } from './invariant-error.ts'
import { PushOrder } from './push-order.ts'

const ATTEMPTS_MAX = 3
const WINDOW_ITEMS = 48
const KEYS = 7
/** So many belts have a gate: a first stage that ends for good at every so-manieth item, if that comes to it. */
const GATE_SHARE = 0.3
const GATE_ITEMS = 20
const GATE_TYPES = ['temporary', 'transient'] as const
/** So often it is opened again when more items come. */
const GATE_OPENED_SHARE = 0.5
const BELT = specId('belt')

interface Parcel {
  readonly key: number
  readonly n: number
}

interface BeltStream {
  readonly node: string
  readonly sent: readonly Parcel[]
  readonly outcomes: unknown[]
  readonly dead: Parcel[]
  isOrphan: boolean
  isDone: boolean
  error: unknown
}

export class Belt {
  readonly streams: BeltStream[] = []
  /** The next item that the last stage is given for the first time makes it crash: three times, and it would be dead. */
  isTripped = false
  /** How often the gate was opened again, and how often it has ended. */
  readonly gate = { openedCount: 0, shutCount: 0 }
  #gatePrng: Prng | undefined
  #gateType: (typeof GATE_TYPES)[number] = 'temporary'
  /** The items at which the gate has ended: once at each. */
  readonly #shutAt = new Set<number>()
  #sent = 0
  #violation: string | undefined
  /** How often an item was tried at a stage, by stage, item and attempt. */
  readonly #tries = new Map<string, number>()
  readonly #order = new PushOrder({ gate: 'sort' })

  readonly #stages = [
    /** Fails the first time at some, and tries again. */
    defineStage(
      'belt-sort',
      (item: Parcel, context) => {
        // What is tried again by its worker has the number of a try, as what is sent again has.
        this.#note(context, 'sort', 2)
        if (item.n % 13 === 5 && context.attempt === 1) throw new Error('it is upside down')
        this.#order.complete(context, 'sort', item.key)
        return item
      },
      { key: item => item.key },
    ),
    /** Cannot do some at all. */
    defineStage(
      'belt-pack',
      async (item: Parcel, context) => {
        this.#note(context, 'pack', 1)
        await context.sleep(context.random.below(6))
        if (isPoison(item)) throw new Error('it does not fit')
        this.#order.complete(context, 'pack', item.key)
        return item
      },
      { key: item => item.key },
    ),
    defineStage('belt-ship', (item: Parcel, context) => {
      this.#note(context, 'ship', 1)
      if (this.isTripped && context.attempt === 1) {
        this.isTripped = false
        throw new Error('tripped')
      }
      this.#order.complete(context, 'ship', item.key)
      return shipped(item)
    }),
  ] as const
  readonly #gateStage = defineStage('belt-gate', (item: Parcel, context) => {
    this.#note(context, 'gate', 1)
    if (item.n % GATE_ITEMS === GATE_ITEMS - 1 && !this.#shutAt.has(item.n)) {
      this.#shutAt.add(item.n)
      this.gate.shutCount += 1
      if (this.#gateType === 'temporary') throw new Error('the gate is shut')
      context.stop()
    }
    this.#order.complete(context, 'gate', item.key)
    return item
  })
  readonly #file = defineStage('belt-file', (_text: string, context) => this.#note(context, 'file', 1))

  get behaviours() {
    return [...this.#stages, this.#gateStage, this.#file]
  }

  async declare(mesh: SimulatedMesh, node: string, prng: Prng): Promise<void> {
    const [sort, pack, ship] = this.#stages
    const gatePrng = prng.fork('gate')
    const hasGate = gatePrng.chance(GATE_SHARE)
    this.#gatePrng = hasGate ? gatePrng : undefined
    this.#gateType = gatePrng.pick(GATE_TYPES)
    const common = {
      id: 'belt',
      strategy: prng.pick(CHAIN_STRATEGIES),
      // Generous: what is tested here is that nothing is lost, not when a supervisor gives up.
      intensity: { restarts: 1_000, withinMs: 1_000 },
      windowItems: WINDOW_ITEMS,
      attemptsMax: ATTEMPTS_MAX,
      onFinish: this.#file,
    } as const
    const gate = { id: 'gate', run: this.#gateStage, restart: this.#gateType } as const
    const stages = [
      { id: 'sort', run: sort, workers: 2, route: 'key', onItemError: 'retry', queueItems: 8 },
      { id: 'pack', run: pack, workers: 3, route: 'key', onItemError: 'deadLetter', queueItems: 6 },
      { id: 'ship', run: ship },
    ] as const
    if (hasGate) await mesh.node(node).addChain({ ...common, stages: [gate, ...stages] })
    else await mesh.node(node).addChain({ ...common, stages })
  }

  /** Sends `count` new items from a node, in the background. */
  stream(mesh: SimulatedMesh, node: string, count: number): void {
    this.#openGate(mesh, node)
    const sent = Array.from({ length: count }, () => {
      const n = this.#sent++
      return { n, key: n % KEYS }
    })
    const stream: BeltStream = {
      node,
      sent,
      outcomes: [],
      dead: [],
      isOrphan: false,
      isDone: false,
      error: undefined,
    }
    this.streams.push(stream)
    const drain = async (): Promise<void> => {
      const onDead = (item: Parcel): void => void stream.dead.push(item)
      for await (const outcome of mesh.node(node).getChain<Parcel>('belt').run(sent, { onDead }))
        stream.outcomes.push(outcome)
    }
    drain().then(
      () => (stream.isDone = true),
      (error: unknown) => (stream.error = error),
    )
  }

  /** Also while items flow, and where it has not ended. */
  #openGate(mesh: SimulatedMesh, node: string): void {
    if (this.#gatePrng?.chance(GATE_OPENED_SHARE) !== true) return
    this.gate.openedCount += 1
    mesh
      .node(node)
      .getChain('belt')
      .restartStage('gate')
      .catch(() => {})
  }

  onCrash(node: string): void {
    for (const stream of this.streams) if (stream.node === node && !stream.isDone) stream.isOrphan = true
  }

  get isOpen(): boolean {
    return this.streams.some(({ isOrphan, isDone, error }) => !isOrphan && !isDone && error === undefined)
  }

  /** At any time: what was noted (I34, I38), and I36: no sender has more items on their way than it may have. */
  check(mesh: SimulatedMesh): void {
    const violation = this.#violation ?? this.#order.violation
    if (violation !== undefined) throw new InvariantError(violation)
    for (const id of mesh.up) {
      const { size } = mesh.node(id).inspect().plane.chain(BELT).ingress
      if (size > WINDOW_ITEMS) throw new InvariantError(`I36: ${id} has ${size} items on the belt`)
    }
  }

  /** I31, I40: when all is quiet, each item has its outcome or is dead, and dead is what cannot be done. */
  checkSettled(): void {
    for (const { node, sent, outcomes, dead, isOrphan, error } of this.streams) {
      const wanted = sent.filter(item => !isPoison(item)).map(shipped)
      const poison = sent.filter(isPoison)
      const got = isOrphan ? wanted.slice(0, outcomes.length) : wanted
      if (JSON.stringify(outcomes) !== JSON.stringify(got))
        throw new InvariantError(`I31: ${node} got ${outcomes.join(' ')}, not ${got.join(' ')}`)
      if (isOrphan) continue
      if (error !== undefined) throw new InvariantError(`I31: the belt failed for ${node}: ${String(error)}`)
      if (JSON.stringify(dead) !== JSON.stringify(poison))
        throw new InvariantError(
          `I40: for ${node} ${JSON.stringify(dead)} died, not ${JSON.stringify(poison)}`,
        )
    }
  }

  /** I38: what is handled again was sent again, or is tried again. */
  #note(context: StageContext, stage: string, triesMax: number): void {
    const key = `${stage} ${context.id} ${context.attempt}`
    const tries = (this.#tries.get(key) ?? 0) + 1
    this.#tries.set(key, tries)
    if (tries > triesMax) this.#violation ??= `I38: ${key} was handled ${tries} times`
  }
}

function isPoison({ n }: Parcel): boolean {
  return n % 17 === 3
}

function shipped({ key, n }: Parcel): string {
  return `${key}:${n}`
}
