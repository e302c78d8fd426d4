/** Another process has started with the key of a node: the older one stops its workers, and says nothing any more. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { SimulatedNetwork } from '../../src/io/memory/simulated-network.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { silentLogger } from '../../src/io/system/loggers.ts'
import { Node } from '../../src/node/node.ts'
import type { NodeOptions } from '../../src/node/options.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import type { WorkerContext } from '../../src/node/workers/context.ts'
import type { Directory, Transport, TransportHandlers } from '../../src/ports.ts'
import { Prng } from '../../src/prng.ts'
import { PUSHED_MAX } from '../../src/protocol/limits.ts'
import { PROTOCOL } from '../../src/protocol/messages.ts'
import { TIMINGS } from '../../src/protocol/timings.ts'

const STOP_MS = 1_000
const OLDER = 1
const NEWER = 2

/** What the workers of a test do, in the order in which it happens. */
const noted: string[] = []

/** Takes half of its time to stop. */
const tidy = defineServer('tidy', {
  init: context => {
    context.signal.addEventListener('abort', () => noted.push('tidy: abort'))
    return {}
  },
  call: { hear: (): string => 'heard' },
  terminate: async (_state, reason, context) => {
    noted.push(`tidy: ${String(reason)}`)
    await rest(context, STOP_MS / 2)
    noted.push('tidy: over')
  },
  // It is no leave: nothing is handed over.
  handoff: () => void noted.push('tidy: handoff'),
})
/** Takes more time to stop than it has, and says what it can to others meanwhile. */
const stubborn = defineServer('stubborn', {
  init: () => ({}),
  terminate: async (_state, _reason, context) => {
    const say = async (when: string): Promise<void> => {
      const answer: unknown = await context.getWorker('ear', listener).call.hear().catch(nameOf)
      noted.push(`stubborn, ${when}: ${String(answer)}`)
    }
    await say('in time')
    await rest(context, 2 * STOP_MS).catch(() => {})
    await say('late')
  },
})
/** Is not waited for, and would take for ever. */
const endless = defineServer('endless', { init: () => ({}), terminate: () => new Promise<void>(() => {}) })
/** Gives more than a way back has credit for at first. */
const burst = defineStage('burst', async function* (count: number) {
  for (let index = 0; index < count; index++) yield index
})
const step = defineStage('step', (index: number) => {
  noted.push(`step ${index}`)
  return index
})
const listener = defineServer('listener', { init: () => ({}), call: { hear: (): string => 'heard' } })

/** A pause that a signal that has aborted does not cut short. */
async function rest(context: WorkerContext, durationMs: number): Promise<void> {
  for (let restedMs = 0; restedMs < durationMs; restedMs += 10) await context.sleep(10)
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error)
}

/** A small world, in which one transport can be told of a twin, as by a dial of two that have one key. */
class World {
  readonly clock = new VirtualClock()
  readonly network = new SimulatedNetwork(this.clock, new Prng('replaced'))
  /** What the node of each name has sent, by its transport. */
  readonly sent = new Map<string, number>()
  readonly twins = new Map<string, (boot: number) => void>()

  start(name: string, more: Partial<NodeOptions> = {}, boot = OLDER): Promise<Node> {
    const options: NodeOptions = {
      cluster: 'simulation',
      secret: '',
      name,
      behaviours: [tidy, stubborn, endless, listener, burst, step],
      listen: [],
      mdns: false,
      seeds: [],
      peersFile: undefined,
      dataFolder: undefined,
      allow: undefined,
      role: 'member',
      weight: 1,
      labels: {},
      logger: false,
      protocol: PROTOCOL,
      timings: TIMINGS.lan,
      pushedMax: PUSHED_MAX,
      ...more,
    }
    const directory: Directory = {
      start: handlers => handlers.onSeed(`/sim/${name === 'a' ? 'b' : 'a'}`),
      remember: () => {},
      part: () => {},
      stop: async () => {},
    }
    const transport = this.#transport(name)
    const ports = { clock: this.clock.fork(), transport, logger: silentLogger, directory, boot }
    return this.settle(Node.start(options, ports, `${name} ${boot}`))
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    const state = { isSettled: false }
    void Promise.allSettled([promise]).then(() => (state.isSettled = true))
    const untilMs = this.clock.nowMs + 60_000
    await this.clock.drain()
    while (!state.isSettled && this.clock.nowMs < untilMs) await this.clock.step()
    expect(state.isSettled, 'it settles').toBe(true)
    return promise
  }

  async run(durationMs: number): Promise<void> {
    await this.clock.run(durationMs)
  }

  #transport(name: string): Transport {
    const inner = this.network.transport(nodeId(name))
    const count = (): void => void this.sent.set(name, (this.sent.get(name) ?? 0) + 1)
    return {
      id: inner.id,
      addresses: inner.addresses,
      start: (handlers: TransportHandlers) => {
        this.twins.set(name, boot => handlers.onTwin(boot))
        return inner.start(handlers)
      },
      dial: (key, addresses) => inner.dial(key, addresses),
      hangUp: (peer, reason, shutOutMs) => inner.hangUp(peer, reason, shutOutMs),
      send: (peer, lane, bytes) => {
        count()
        return inner.send(peer, lane, bytes)
      },
      subscribe: topic => inner.subscribe(topic),
      unsubscribe: topic => inner.unsubscribe(topic),
      publish: (topic, bytes) => {
        count()
        inner.publish(topic, bytes)
      },
      stop: () => inner.stop(),
    }
  }
}

test('the workers of a node that was replaced are told at once, have their time to stop, and are fenced beyond it', async () => {
  noted.length = 0
  const world = new World()
  const witness = await world.start('a', { role: 'client' })
  const older = await world.start('b')
  await world.settle(witness.formed(2))
  const exits: string[] = []
  older.on('worker:exit', ({ slot, exit }) => exits.push(`${slot} ${exit.kind}`))
  await world.settle(witness.addWorker({ id: 'tidy', run: tidy, stopTimeoutMs: STOP_MS }))
  await world.settle(witness.addWorker({ id: 'stubborn', run: stubborn, stopTimeoutMs: STOP_MS }))
  await world.settle(witness.addWorker({ id: 'endless', run: endless, stopTimeoutMs: 0 }))
  await world.settle(witness.addWorker({ id: 'ear', run: listener }))
  const pending = expect(
    older.addWorker({ id: 'nowhere', run: listener, placement: { labels: { no: 'one' } } }),
  )
  const isRefused = pending.rejects.toMatchObject({ name: 'DuplicateIdentityError' })
  await world.run(10)
  expect(older.snapshot().workers).toMatchObject({ inline: 4, abandoned: 0 })

  expect(older.members()).toHaveLength(2)
  const sent = world.sent.get('b')
  world.twins.get('b')?.(NEWER)
  await world.run(0)
  await isRefused
  expect(older.members()).toEqual([])
  expect(noted).toEqual(['tidy: abort', 'tidy: stopped', 'stubborn, in time: NodeStoppedError'])
  expect(exits).toEqual(['endless stopped', 'ear stopped'])
  const stopped = older.stop()
  await world.run(STOP_MS - 1)
  expect(noted.at(-1)).toBe('tidy: over')
  expect(older.snapshot().workers).toMatchObject({ inline: 1, abandoned: 1 })
  await world.settle(Promise.all([stopped, older.stopped]))
  expect(older.snapshot().workers).toMatchObject({ inline: 0, abandoned: 2 })
  expect(exits.slice(2)).toEqual(['tidy stopped', 'stubborn abandoned'])
  await world.run(2 * STOP_MS)
  expect(noted.at(-1)).toBe('stubborn, late: FencedError')
  expect(world.sent.get('b')).toBe(sent)

  const newer = await world.start('b', {}, NEWER)
  const worker = witness.getWorker('tidy', tidy)
  expect(await world.settle(worker.with({ timeoutMs: 30_000 }).call.hear())).toBe('heard')
  expect(newer.snapshot().workers).toMatchObject({ inline: 4, abandoned: 0 })
})

test('a node that is replaced while it stops gives its workers their time as well, and says nothing any more', async () => {
  noted.length = 0
  const world = new World()
  const witness = await world.start('a', { role: 'client' })
  const older = await world.start('b')
  await world.settle(witness.formed(2))
  await world.settle(witness.addWorker({ id: 'tidy', run: tidy, stopTimeoutMs: STOP_MS }))
  older.on('node:replaced', () => void older.stop())
  const sent = world.sent.get('b')
  world.twins.get('b')?.(NEWER)
  await world.settle(older.stop())
  expect(noted).toEqual(['tidy: abort', 'tidy: stopped', 'tidy: over'])
  expect(older.snapshot().workers).toMatchObject({ inline: 0, abandoned: 0 })
  expect(world.sent.get('b')).toBe(sent)
})

test('a node that was replaced handles no more of the items that wait', async () => {
  noted.length = 0
  const world = new World()
  const witness = await world.start('a', { role: 'client' })
  await world.start('b')
  await world.settle(witness.formed(2))
  const stages = [{ run: burst }, { run: step }] as const
  const chain = await world.settle(witness.addChain({ id: 'c', stages }))
  // From now on there is a way back.
  expect(await world.settle(chain.call(1))).toEqual([0])
  world.network.setConditions({ latencyMs: 500 })
  void chain.call(40).catch(() => {})
  await world.run(800)
  const { length } = noted
  expect(length).toBeGreaterThan(1)
  expect(length).toBeLessThan(40)
  world.twins.get('b')?.(NEWER)
  await world.run(100)
  expect(noted).toHaveLength(length)
})
