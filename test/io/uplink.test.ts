/** The simulated network: links that carry only so much for a while, and more or less from then on. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { SimulatedNetwork } from '../../src/io/memory/simulated-network.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { Prng } from '../../src/prng.ts'
import { Probe } from './harness.ts'

/** Longer than anything is on its way once it has left. */
const ON_WAY_MS = 10

interface Link {
  readonly clock: VirtualClock
  readonly widen: (bytesPerMs: number) => void
  readonly send: (lane: 'control' | 'data', bytes: number) => void
  readonly received: (lane: 'control' | 'data') => number
}

async function linkOf(bytesPerMs: number): Promise<Link> {
  const clock = new VirtualClock()
  const network = new SimulatedNetwork(clock, new Prng('uplink'))
  const a = await Probe.start(network.transport(nodeId('a')))
  const b = await Probe.start(network.transport(nodeId('b')))
  a.transport.dial('key', b.transport.addresses)
  while (a.dialled.length === 0) await clock.step()
  network.setConditions({ bytesPerMs })
  return {
    clock,
    widen: to => network.setConditions({ bytesPerMs: to }),
    send: (lane, bytes) => void a.transport.send(b.id, lane, new Uint8Array(bytes).fill(7)),
    received: lane => b.receivedBytes(a.id, lane),
  }
}

test('what waits for a link that carries next to nothing is there at once when it is widened', async () => {
  const link = await linkOf(0.01)
  link.send('data', 100_000)
  link.send('control', 500)
  await link.clock.run(60_000)
  expect([link.received('data'), link.received('control')]).toEqual([0, 0])
  link.widen(Infinity)
  link.send('control', 10)
  await link.clock.run(ON_WAY_MS)
  expect([link.received('data'), link.received('control')]).toEqual([100_000, 510])
})

test('what is on a link that becomes narrower leaves at the new rate from then on', async () => {
  const link = await linkOf(1_000)
  link.send('data', 100_000)
  await link.clock.run(50)
  link.widen(100)
  await link.clock.run(250)
  expect(link.received('data')).toBeGreaterThan(50_000)
  expect(link.received('data')).toBeLessThan(80_000)
  await link.clock.run(250 + ON_WAY_MS)
  expect(link.received('data')).toBe(100_000)
})

test('a link whose rate changes all the time carries as much as it does in between', async () => {
  const link = await linkOf(100)
  link.send('data', 10_000)
  for (let times = 0; times < 25; times++) {
    link.widen(times % 2 === 0 ? 150 : 50)
    await link.clock.run(4)
  }
  await link.clock.run(ON_WAY_MS)
  expect(link.received('data')).toBe(10_000)
})
