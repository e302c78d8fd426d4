/** The transports that there are: one in memory on virtual time, one over TCP on loopback. */

import { createServer } from 'node:net'
import { once } from 'node:events'

import { generateKeyPair } from '@libp2p/crypto/keys'

import { nodeId } from '../../src/ids.ts'
import { Libp2pTransport } from '../../src/io/libp2p/libp2p-transport.ts'
import { SimulatedNetwork } from '../../src/io/memory/simulated-network.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { systemClock } from '../../src/io/system/system-clock.ts'
import type { Clock } from '../../src/ports.ts'
import { Prng } from '../../src/prng.ts'
import { PATIENCE_MS } from '../patience.ts'
import { type Harness, Probe } from './harness.ts'

const LOOK_EVERY_MS = 5

export function simulated(): Harness {
  const clock = new VirtualClock()
  const network = new SimulatedNetwork(clock, new Prng('compliance'))
  let count = 0
  return {
    make: () => Probe.start(network.transport(nodeId(`t${++count}`))),
    nowhere: async () => SimulatedNetwork.addressOf(nodeId('nobody')),
    // The simulated ones look at no clock.
    pass: () => {},
    until: async (what, condition) => {
      const untilMs = clock.nowMs + PATIENCE_MS
      await clock.drain()
      while (!condition()) {
        if (clock.nowMs > untilMs || !(await clock.step())) throw new Error(`not in time: ${what}`)
      }
    },
    stop: async () => {},
  }
}

export function overTcp(secret = 'compliance'): Harness {
  const probes: Probe[] = []
  let passedMs = 0
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + passedMs }
  return {
    make: async (listen = ['/ip4/127.0.0.1/tcp/0']) => {
      const transport = await Libp2pTransport.create({
        cluster: 'compliance',
        secret,
        listen,
        mdns: false,
        clock,
      })
      const probe = await Probe.start(transport)
      probes.push(probe)
      return probe
    },
    pass: durationMs => (passedMs += durationMs),
    nowhere: async () => `/ip4/127.0.0.1/tcp/${await freePort()}`,
    until,
    stop: async () => {
      await Promise.all(probes.map(probe => probe.transport.stop()))
    },
  }
}

/** Two processes with one key, of which `later` has the larger number. */
export async function twins(): Promise<{ readonly earlier: Probe; readonly later: Probe }> {
  const privateKey = await generateKeyPair('Ed25519')
  const make = async (boot: number): Promise<Probe> => {
    const transport = await Libp2pTransport.create({
      cluster: 'compliance',
      secret: 'compliance',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      mdns: false,
      clock: systemClock,
      privateKey,
    })
    const probe = await Probe.start(transport)
    probe.boot = boot
    return probe
  }
  return { earlier: await make(1), later: await make(2) }
}

export async function until(what: string, condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`not in ${PATIENCE_MS} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
