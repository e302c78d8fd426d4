/** The simulated network: what a side still keeps when it ends a session in peace, as the link carries only so much. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { SimulatedNetwork } from '../../src/io/memory/simulated-network.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { Prng } from '../../src/prng.ts'
import { Probe } from './harness.ts'

/** More than is sent before the other side has read some of it. */
const LONG = 400_000

/** Enough for that within the time that a session has to close. */
const BYTES_PER_MS = 1_000

const WORDS = new Uint8Array(LONG).fill(7)

interface Pair {
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork
  readonly a: Probe
  readonly b: Probe
  /** What `b` has of it. */
  heard(): number
}

/** `a` has just sent something long to `b`. */
async function pairAt(bytesPerMs: number): Promise<Pair> {
  const clock = new VirtualClock()
  const network = new SimulatedNetwork(clock, new Prng('last words'))
  const a = await Probe.start(network.transport(nodeId('a')))
  const b = await Probe.start(network.transport(nodeId('b')))
  a.transport.dial('key', b.transport.addresses)
  while (a.dialled.length === 0) await clock.step()
  network.setConditions({ bytesPerMs })
  a.transport.send(b.id, 'data', WORDS)
  return { clock, network, a, b, heard: () => b.receivedBytes(a.id, 'data') }
}

const ENDINGS = {
  'hangs up': ({ a, b }: Pair): void => a.transport.hangUp(b.id, 'enough', 0),
  stops: ({ a }: Pair): void => void a.transport.stop(),
}

test.each(Object.entries(ENDINGS))(
  'whoever %s has all said before that, and then it is over',
  async (_, end) => {
    const pair = await pairAt(BYTES_PER_MS)
    end(pair)
    await pair.clock.run(1_000)
    expect([pair.heard(), pair.b.downs]).toEqual([LONG, [pair.a.id]])
  },
)

test.each(Object.entries(ENDINGS))('whoever %s gives up what does not get out in time', async (_, end) => {
  const pair = await pairAt(BYTES_PER_MS / 4)
  end(pair)
  await pair.clock.run(3_000)
  expect(pair.heard()).toBeGreaterThan(LONG / 2)
  expect(pair.heard()).toBeLessThan(LONG)
  expect(pair.b.downs).toEqual([pair.a.id])
})

test.each(Object.entries(ENDINGS))('whoever %s and is killed then has not said all', async (_, end) => {
  const pair = await pairAt(BYTES_PER_MS)
  end(pair)
  await pair.clock.run(50)
  pair.network.detach(pair.a.id)
  await pair.clock.run(3_000)
  expect(pair.heard()).toBeLessThan(LONG)
  expect(pair.b.downs).toEqual([pair.a.id])
})

test('whoever has hung up reads what still comes, so that the other side need not wait', async () => {
  const pair = await pairAt(BYTES_PER_MS)
  pair.a.transport.hangUp(pair.b.id, 'enough', 0)
  pair.b.transport.send(pair.a.id, 'data', Uint8Array.from(WORDS))
  await pair.clock.run(1_000)
  expect([pair.heard(), pair.a.receivedBytes(pair.b.id, 'data')]).toEqual([LONG, 0])
  expect([pair.a.downs, pair.b.downs]).toEqual([[pair.b.id], [pair.a.id]])
})
