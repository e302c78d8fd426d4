/** The simulated network: what is sent over a lane of a session comes in the order of sending, whatever is lost. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { SimulatedNetwork } from '../../src/io/memory/simulated-network.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { Prng } from '../../src/prng.ts'
import { Probe } from './harness.ts'

const SENDS = 60

/** No sum of powers of two, so that moments are rounded. */
const EVERY_MS = 7.3

async function receive(seed: number, packetLoss: number): Promise<string> {
  const clock = new VirtualClock()
  const network = new SimulatedNetwork(clock, new Prng(seed))
  const a = await Probe.start(network.transport(nodeId('a')))
  const b = await Probe.start(network.transport(nodeId('b')))
  a.transport.dial('key', b.transport.addresses)
  while (a.dialled.length === 0) await clock.step()
  network.setConditions({ jitterMs: 10, packetLoss })
  for (let index = 0; index < SENDS; index++)
    clock.after(EVERY_MS * index, () => a.transport.send(b.id, 'data', Buffer.from(`${index} `)))
  await clock.run(60_000)
  return b.received(a.id, 'data').toString()
}

test('what waits for a packet that was lost comes in the order of sending, at whatever moments it was sent', async () => {
  const sent = Array.from({ length: SENDS }, (_, index) => `${index} `).join('')
  for (let seed = 0; seed < 40; seed++)
    expect(await receive(seed, 0.02 + (0.28 * seed) / 40), `seed ${seed}`).toBe(sent)
})
