/** What a node says of where it listens: no more than others read, and what is so now. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { SimulatedNetwork } from '../../src/io/memory/simulated-network.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { silentLogger } from '../../src/io/system/loggers.ts'
import { Node } from '../../src/node/node.ts'
import { checkOptions } from '../../src/node/options.ts'
import type { Directory } from '../../src/ports.ts'
import { Prng } from '../../src/prng.ts'
import { ADDRESSES_MAX } from '../../src/protocol/member-row.ts'

const PATIENCE_MS = 60_000

/** Nodes on a network in memory that listen where the test says. */
class Neighbours {
  readonly #clock = new VirtualClock()
  readonly #network = new SimulatedNetwork(this.#clock, new Prng('addresses'))
  /** Where each of them listens, or has, as is written down for its next run. */
  readonly remembered = new Map<string, readonly string[]>()

  async start(
    name: string,
    addresses: () => readonly string[],
    seeds: readonly string[] = [],
  ): Promise<Node> {
    const transport = this.#network.transport(nodeId(name))
    Object.defineProperty(transport, 'addresses', { get: addresses })
    const directory: Directory = {
      start: handlers => seeds.forEach(seed => handlers.onSeed(`/sim/${seed}`)),
      remember: (peer, where) => this.remembered.set(peer, where),
      part: () => {},
      stop: async () => {},
    }
    const ports = { clock: this.#clock.fork(), transport, logger: silentLogger, directory }
    let node: Node | undefined
    void Node.start(checkOptions({ name }), ports, name).then(started => (node = started))
    await this.until(`${name} takes work`, () => node !== undefined)
    if (node === undefined) throw new Error('it has not started')
    return node
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const untilMs = this.#clock.nowMs + PATIENCE_MS
    await this.#clock.drain()
    while (!condition()) {
      if (this.#clock.nowMs > untilMs || !(await this.#clock.step())) throw new Error(`not in time: ${what}`)
    }
  }
}

function addressesOf(name: string, on: Node): readonly string[] | undefined {
  return on.members().find(({ id }) => id === name)?.addresses
}

test('a node with more addresses than a row may have joins with the first of them', async () => {
  const net = new Neighbours()
  const many = ['/sim/a', ...Array.from({ length: 69 }, (_, index) => `/ip4/10.0.0.${index}/tcp/7000`)]
  const a = await net.start('a', () => many)
  const b = await net.start('b', () => ['/sim/b'], ['a'])
  await net.until('they meet', () => a.members().length === 2 && b.members().length === 2)
  expect(addressesOf('a', b)).toEqual(many.slice(0, ADDRESSES_MAX))
})

test('others are told when a node listens elsewhere, and write it down', async () => {
  const net = new Neighbours()
  let addresses = ['/ip4/127.0.0.1/tcp/7000']
  const a = await net.start('a', () => addresses, ['b'])
  const b = await net.start('b', () => ['/sim/b'])
  await net.until('they meet', () => a.members().length === 2 && b.members().length === 2)
  expect(net.remembered.get('a')).toEqual(addresses)
  for (const later of [['/ip4/10.0.0.7/tcp/7000', '/sim/a'], ['/sim/a']]) {
    addresses = later
    await net.until('b knows', () => addressesOf('a', b)?.join() === later.join())
    expect(net.remembered.get('a')).toEqual(later)
    expect(addressesOf('a', a)).toEqual(later)
  }
})

test('nothing is said of addresses that are only named in another order', async () => {
  const net = new Neighbours()
  let [first, second] = ['/sim/a', '/ip4/10.0.0.7/tcp/7000']
  const a = await net.start('a', () => [first, second])
  ;[first, second] = [second, first]
  const b = await net.start('b', () => ['/sim/b'], ['a'])
  let isElsewhere = false
  const c = await net.start('c', () => (isElsewhere ? ['/sim/c', '/sim/d'] : ['/sim/c']), ['b'])
  await net.until('they meet', () => [a, b, c].every(node => node.members().length === 3))
  isElsewhere = true
  await net.until('c has looked, and so a as well', () => addressesOf('c', a)?.length === 2)
  expect(addressesOf('a', b)).toEqual([second, first])
})

test('a node whose interface is away for a moment is not said to be on the machine of whoever hears that', async () => {
  const net = new Neighbours()
  const known = ['/ip4/10.0.0.7/tcp/7000', '/sim/a']
  let addresses: readonly string[] = known
  const a = await net.start('a', () => addresses, ['b'])
  let isElsewhere = false
  const b = await net.start('b', () => (isElsewhere ? ['/sim/b', '/sim/c'] : ['/sim/b']))
  await net.until('they meet', () => a.members().length === 2 && b.members().length === 2)
  addresses = ['/ip4/127.0.0.1/tcp/7000']
  isElsewhere = true
  await net.until('b has looked, and so a as well', () => addressesOf('b', a)?.length === 2)
  expect(addressesOf('a', b)).toEqual(known)
  expect(net.remembered.get('a')).toEqual(known)
})

test('where the system does not say, the next look may tell', async () => {
  const net = new Neighbours()
  let addresses: readonly string[] | undefined = ['/sim/a']
  const a = await net.start('a', () => addresses ?? fail())
  let isElsewhere = false
  const b = await net.start('b', () => (isElsewhere ? ['/sim/b', '/sim/c'] : ['/sim/b']), ['a'])
  await net.until('they meet', () => a.members().length === 2 && b.members().length === 2)
  addresses = undefined
  isElsewhere = true
  await net.until('b has looked, and so a as well', () => addressesOf('b', a)?.length === 2)
  expect(addressesOf('a', b)).toEqual(['/sim/a'])
  addresses = ['/sim/a', '/sim/d']
  await net.until('b knows', () => addressesOf('a', b)?.length === 2)
})

function fail(): never {
  throw new Error('EMFILE')
}
