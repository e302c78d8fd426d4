/** Threads that take their time to be gone: how the code in them has ended is known before, and is not lost for that. */

import { expect, test } from 'vitest'

import { nodeId } from '../../../src/ids.ts'
import { SimulatedNetwork } from '../../../src/io/memory/simulated-network.ts'
import { VirtualClock } from '../../../src/io/memory/virtual-clock.ts'
import { Node } from '../../../src/node/node.ts'
import { checkOptions } from '../../../src/node/options.ts'
import { isFromCell, isToCell } from '../../../src/node/workers/cell-messages.ts'
import { CellWorker } from '../../../src/node/workers/cell-worker.ts'
import type { Cell, CellHandlers, CellInit, Clock, Directory, Machine } from '../../../src/ports.ts'
import { Prng } from '../../../src/prng.ts'
import { LogBook } from '../../log-book.ts'
import { counter } from './slow-ends-behaviours.ts'

const MODULE = new URL('slow-ends-behaviours.ts', import.meta.url).href
/** So long a thread takes to be gone once it is killed; abandoned it is after 2 s. */
const END_MS = 1_500
const STOP_MS = 1_000

/** Its threads are none: their code runs in that of the test, on virtual time, and nothing that they say is heard too late. */
class SlowMachine implements Machine {
  readonly #clock: Clock
  /** How many threads import their modules. */
  loadingCount = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  spawn({ kind }: CellInit, handlers: CellHandlers): Cell {
    const clock = this.#clock
    let listen: (message: unknown) => void = () => {}
    const hear = (message: unknown): void => {
      if (isToCell(message) && message.kind === 'start') this.loadingCount += 1
      listen(message)
    }
    let isKilled = false
    const send = (message: object, to: (message: unknown) => void): void => {
      const copy: unknown = structuredClone(message)
      clock.after(0, () => (isKilled ? undefined : to(copy)))
    }
    const port = {
      kind,
      post: (message: object) => {
        if (isFromCell(message) && message.kind === 'ready') this.loadingCount -= 1
        send(message, found => handlers.onMessage(found))
      },
      onMessage: (listener: typeof listen) => void (listen = listener),
      onStray: () => {},
      exit: () => {},
    }
    CellWorker.run(port, clock)
    return {
      post: message => send(message, hear),
      kill: () => {
        if (!isKilled) clock.after(END_MS, () => handlers.onEnd({ kind: 'exit', code: 1 }))
        isKilled = true
      },
      abandon: () => {},
    }
  }

  onStray(): () => void {
    return () => {}
  }

  usedMs(): number {
    return 0
  }
}

class World {
  readonly clock = new VirtualClock()
  readonly logger = new LogBook()
  readonly #network = new SimulatedNetwork(this.clock, new Prng('slow ends'))
  readonly #machine = new SlowMachine(this.clock.fork())
  /** How a later run has a node give way. */
  readonly replace: Record<string, (boot: number) => void> = {}

  start(name: string): Promise<Node> {
    const { logger } = this
    const directory: Directory = {
      start: handlers => {
        this.replace[name] = handlers.onReplaced
        handlers.onSeed(`/sim/${name === 'a' ? 'b' : 'a'}`)
      },
      remember: () => {},
      part: () => {},
      stop: async () => {},
    }
    const clock = this.clock.fork()
    const transport = this.#network.transport(nodeId(name))
    const ports = { clock, transport, logger, directory, machine: this.#machine, boot: 1 }
    const options = checkOptions({ cluster: 'simulation', name, behaviours: [MODULE], logger })
    return this.settle(Node.start(options, ports, name))
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    const state = { isSettled: false }
    void Promise.allSettled([promise]).then(() => (state.isSettled = true))
    const untilMs = this.clock.nowMs + 60_000
    while (!state.isSettled && this.clock.nowMs < untilMs) {
      await this.clock.drain()
      // Modules are imported in real time.
      if (this.#machine.loadingCount === 0) await this.clock.step()
    }
    expect(state.isSettled, 'it settles').toBe(true)
    return promise
  }
}

/** How workers end on the node, with what they leave unread. */
function exitsOn(node: Node): object[] {
  const exits: object[] = []
  node.on('worker:exit', ({ exit, lost }) => exits.push({ ...exit, lost }))
  return exits
}

const child = { run: counter, isolation: 'thread', stopTimeoutMs: STOP_MS } as const

test('what a worker has handed over in time is not lost as its thread is not gone in time', async () => {
  const world = new World()
  const [a, b] = [await world.start('a'), await world.start('b')]
  await world.settle(Promise.all([a.formed(2), b.formed(2)]))
  const ref = await world.settle(a.addWorker({ id: 'w', args: [true], ...child }))
  ref.cast.add(40)
  expect(await world.settle(ref.call.count())).toBe(40)
  const owner = a.snapshot().workers.threads === 1 ? a : b
  const exits = exitsOn(owner)
  const resting = ref.call.rest()
  for (const by of [1, 2]) ref.cast.add(by)
  await world.clock.run(50)
  await world.settle(owner.drain())
  await world.settle(resting)
  expect(await world.settle(ref.call.count())).toBe(43)
  expect(exits).toMatchObject([{ kind: 'released', lost: 0 }])
  await world.clock.run(2 * END_MS)
  expect(exits).toHaveLength(1)
  expect(owner.snapshot().workers).toMatchObject({ threads: 0, ending: 0, abandoned: 0 })
})

test('what a worker that stops leaves unread is counted, also where its thread is not gone in time', async () => {
  const world = new World()
  const node = await world.start('a')
  const ref = await world.settle(node.addWorker({ id: 'w', args: [true], ...child }))
  const exits = exitsOn(node)
  const resting = ref.call.rest()
  for (const by of [1, 2]) ref.cast.add(by)
  await world.clock.run(50)
  await world.settle(node.stopWorker('w'))
  await world.settle(resting)
  expect(exits).toEqual([{ kind: 'stopped', lost: 2 }])
  expect(node.snapshot().lostMessages).toBe(2)
})

test('why a worker could not start is told, also where its thread is not gone before it is late', async () => {
  const world = new World()
  const node = await world.start('a')
  const exits = exitsOn(node)
  const adding = node.addWorker({ id: 'w', args: [false], ...child, startTimeoutMs: STOP_MS })
  const error = await world.settle(adding.catch((thrown: unknown) => thrown))
  const message = expect.stringContaining('RangeError: cannot start')
  expect(error).toMatchObject({ name: 'StartError', message })
  expect(exits).toMatchObject([{ kind: 'crashed', failure: { message: 'cannot start' } }])
})

test('what a thread that still runs when its node has to go leaves unread is counted', async () => {
  const world = new World()
  const node = await world.start('a')
  const ref = await world.settle(node.addWorker({ id: 'w', args: [true], ...child, stopTimeoutMs: 120_000 }))
  const exits = exitsOn(node)
  ref.cast.hang()
  for (const by of [1, 2]) ref.cast.add(by)
  await world.clock.run(50)
  await world.settle(node.stop())
  expect(exits).toEqual([{ kind: 'abandoned', lost: 2 }])
  expect(node.snapshot().workers).toMatchObject({ threads: 0, ending: 0, abandoned: 0 })
})

test('how a worker has ended is told, also where its node has to go before its thread is gone', async () => {
  const world = new World()
  const node = await world.start('a')
  const ref = await world.settle(node.addWorker({ id: 'w', args: [true], ...child }))
  const exits = exitsOn(node)
  ref.cast.fail()
  for (const by of [1, 2]) ref.cast.add(by)
  await world.clock.run(50)
  expect(exits).toEqual([])
  world.replace['a']?.(2)
  await world.clock.run(3 * END_MS)
  expect(exits).toMatchObject([{ kind: 'crashed', lost: 2 }])
})

test('what it has left for a successor is lost then, and counted', async () => {
  const world = new World()
  const [a, b] = [await world.start('a'), await world.start('b')]
  await world.settle(Promise.all([a.formed(2), b.formed(2)]))
  const ref = await world.settle(a.addWorker({ id: 'w', args: [true], ...child }))
  const owner = a.snapshot().workers.threads === 1 ? 'a' : 'b'
  const node = owner === 'a' ? a : b
  const exits = exitsOn(node)
  ref.call.rest().catch(() => {})
  for (const by of [1, 2]) ref.cast.add(by)
  await world.clock.run(50)
  node.drain().catch(() => {})
  await world.clock.run(500)
  expect(exits).toEqual([])
  world.replace[owner]?.(2)
  await world.clock.run(3 * END_MS)
  expect(exits).toEqual([{ kind: 'stopped', lost: 2 }])
})
