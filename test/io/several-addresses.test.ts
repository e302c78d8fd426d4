/** One member at several addresses, and addresses of one that lead to another: what a name, or its interfaces, may bring. */

import { afterEach, expect, test } from 'vitest'

import type { Probe } from './harness.ts'
import { freePort, overTcp, until } from './harnesses.ts'
import { Line } from './line.ts'

let harness = overTcp()
const lines: Line[] = []

afterEach(async () => {
  await harness.stop()
  for (const line of lines.splice(0)) line.close()
  harness = overTcp()
})

async function lineTo(address: string, answersMax?: number): Promise<Line> {
  const line = await Line.to(address, answersMax)
  lines.push(line)
  return line
}

/** The addresses without whose they are. */
function bare({ transport }: Probe): string[] {
  return transport.addresses.map(address => address.replace(/\/p2p\/.*/, ''))
}

test('two addresses of one member that are dialled at once lead to one session, which stays', async () => {
  const a = await harness.make()
  const b = await harness.make(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0'])
  for (let times = 1; times <= 3; times++) {
    for (const [key, address] of bare(b).entries()) a.transport.dial(`${times} ${key}`, [address])
    await until('both dials are told of', () => a.dialled.length + a.failures.length === 2 * times)
    a.transport.send(b.id, 'data', Buffer.from('.'))
    await until('they hear each other', () => b.receivedBytes(a.id, 'data') === times)
    expect([a.ups.length, a.downs.length, a.failures]).toEqual([times, times - 1, []])
    expect([b.ups.length, b.downs.length]).toEqual([times, times - 1])
    a.transport.hangUp(b.id, 'once more', 0)
    await until('both are told', () => a.downs.length === times && b.downs.length === times)
  }
})

test('where two nodes dial each other at two addresses at once, there is one session in the end, and no dial fails', async () => {
  const listen = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0']
  const [a, b] = [await harness.make(listen), await harness.make(listen)]
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const)
    for (const address of bare(to)) from.transport.dial(address, [address])
  await until('all dials are told of', () => a.dialled.length === 2 && b.dialled.length === 2)
  await until('both are up', () => a.peers.length === 1 && b.peers.length === 1)
  expect([a.failures, b.failures]).toEqual([[], []])
})

test('where the connection that came first comes to nothing, the other one becomes the session', async () => {
  const [a, b] = [await harness.make(), await harness.make()]
  const mute = await lineTo(b.address, 2)
  const other = await lineTo(b.address)
  a.transport.dial('mute', [mute.address])
  await until('it answers to streams', () => mute.answers > 2)
  a.transport.dial('other', [other.address])
  await until('it has answered', () => other.answers > 1)
  mute.cutNearEnd()
  await until('the dials are told of', () => a.dialled.length + a.failures.length === 2)
  expect(a.dialled).toContainEqual(['other', b.id])
  await until('there is a session', () => a.peers.length === 1 && b.peers.length === 1)
  expect([a.ups, a.downs]).toEqual([[b.id], []])
})

test('an address of a member that leads to the node itself is not dialled: that the others refuse is seen at once', async () => {
  const port = await freePort()
  const b = await harness.make([`/ip4/127.0.0.2/tcp/${port}`])
  const a = await harness.make(['/ip4/127.0.0.1/tcp/0', `/ip4/127.0.0.3/tcp/${port}`])
  const addresses = [`/ip4/127.0.0.3/tcp/${port}/p2p/${b.id}`, b.address]
  a.transport.dial('up', addresses)
  await until('there is a session', () => a.peers.length === 1)
  await b.transport.stop()
  await until('it has ended', () => a.downs.length === 1)
  a.transport.dial('down', addresses)
  await until('the dial fails', () => a.failures.length === 1)
  expect(a.failures[0]?.slice(0, 2)).toEqual(['down', 'refused'])
  expect([a.refused, a.twins]).toEqual([[], []])
})
