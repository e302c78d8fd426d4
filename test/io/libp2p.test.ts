/** What only the real transport can get wrong. */

import { Socket } from 'node:net'

import { afterEach, expect, test, vi } from 'vitest'

import type { Node } from '../../src/node/node.ts'
import { DIAL_ADDRESSES_MAX } from '../../src/ports.ts'
import { CLAIMED_MAX } from '../../src/protocol/contact.ts'
import { ADDRESSES_MAX } from '../../src/protocol/member-row.ts'
import { LOOPBACK, localNode } from '../local-node.ts'
import { LogBook } from '../log-book.ts'
import { PATIENCE_MS } from '../patience.ts'
import type { Harness } from './harness.ts'
import { freePort, overTcp, twins, until } from './harnesses.ts'
import { Line } from './line.ts'

const harnesses: Harness[] = []
const lines: Line[] = []
const nodes: Node[] = []

afterEach(async () => {
  await Promise.all([
    ...harnesses.splice(0).map(harness => harness.stop()),
    ...nodes.splice(0).map(node => node.stop()),
  ])
  for (const line of lines.splice(0)) line.close()
})

test('sixteen nodes of one address hear a gossip broadcast: none is ignored for its address', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const probes = await Promise.all(Array.from({ length: 16 }, () => harness.make()))
  for (const probe of probes) probe.transport.subscribe('news')
  for (const [index, probe] of probes.entries()) {
    for (const other of probes.slice(index + 1)) probe.transport.dial(other.id, [other.address])
  }
  await harness.until('all are connected', () => probes.every(probe => probe.peers.length === 15))
  const [sender, ...others] = probes
  let rounds = 0
  await harness.until('all have heard something', () => {
    rounds += 1
    // Subscriptions travel too: until they have, nobody is known to listen.
    if (rounds % 20 === 1) sender?.transport.publish('news', Buffer.from(`round ${rounds}`))
    return others.every(probe => probe.hints.length > 0)
  })
  for (let index = 0; index < 50; index++) sender?.transport.publish('news', Buffer.from(`item ${index}`))
  const items = (probe: (typeof probes)[number]): Set<string> =>
    new Set(probe.hints.flatMap(([, text]) => (text.startsWith('item') ? [text] : [])))
  await harness.until('all have heard all', () => others.every(probe => items(probe).size === 50))
  for (const probe of others) expect(probe.hints.filter(([, text]) => text === 'item 7')).toHaveLength(1)
})

test('what is said in one turn leaves with one write, on whichever side of the connection and on both lanes', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const [one, other] = [await harness.make(), await harness.make()]
  one.transport.dial(other.id, [other.address])
  await harness.until('they are connected', () => one.peers.length === 1 && other.peers.length === 1)
  using pieces = vi.spyOn(Socket.prototype, '_write')
  using whole = vi.spyOn(Socket.prototype, '_writev')
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.transport.send(to.id, 'control', Buffer.from('a probe'))
    from.transport.send(to.id, 'data', Buffer.from('a call'))
    await harness.until('it has come', () => to.received(from.id, 'data').length > 0)
    expect(to.received(from.id, 'control').toString()).toBe('a probe')
  }
  expect(whole).toHaveBeenCalled()
  expect(pieces).not.toHaveBeenCalled()
})

test('a node with another secret does not get in, and is told why', async () => {
  const [ours, theirs] = [overTcp('ours'), overTcp('theirs')]
  harnesses.push(ours, theirs)
  const [member, stranger] = [await ours.make(), await theirs.make()]
  stranger.transport.dial('key', [member.address])
  await until('the dial fails', () => stranger.failures.length === 1)
  expect(stranger.failures[0]?.[1]).toBe('handshake')
  expect(stranger.failures[0]?.[2]).toMatch(/another cluster name or secret/)
  expect(member.ups).toEqual([])
})

test('a node that dials itself is told so, and nobody else is refused', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const probe = await harness.make()
  for (const address of [probe.address, probe.address.replace(/\/p2p\/.*/, '')])
    probe.transport.dial(address, [address])
  await until('both dials fail', () => probe.failures.length === 2)
  expect(probe.failures.map(([, failure]) => failure)).toEqual(['self', 'self'])
  expect([probe.twins, probe.refused]).toEqual([[], []])
})

test('a node with as many addresses as a member may have is dialled, or refuses, at all of them', async () => {
  expect(DIAL_ADDRESSES_MAX).toBe(ADDRESSES_MAX + CLAIMED_MAX)
  const harness = overTcp()
  harnesses.push(harness)
  const [from, to] = [await harness.make(), await harness.make()]
  const nowhere = Array.from(
    { length: DIAL_ADDRESSES_MAX - 1 },
    (_, index) => `/ip4/127.0.1.${index + 1}/tcp/9/p2p/${to.id}`,
  )
  from.transport.dial('all refuse', nowhere)
  await until('the dial fails', () => from.failures.length === 1)
  expect(from.failures[0]?.slice(0, 2)).toEqual(['all refuse', 'refused'])
  from.transport.dial('the last one answers', [...nowhere, to.address])
  await until('the dial has an outcome', () => from.dialled.length + from.failures.length === 2)
  expect(from.dialled.map(([key]) => key)).toEqual(['the last one answers'])
})

test('of two processes with one key that meet, each hears the number of the other, whoever has dialled', async () => {
  const { earlier, later } = await twins()
  try {
    for (const [one, other] of [
      [earlier, later],
      [later, earlier],
    ] as const) {
      for (const address of [other.address, other.address.replace(/\/p2p\/.*/, '')]) {
        one.transport.dial(address, [address])
        await until('the dial fails', () => one.failures.length > 0)
        await until('both know', () => one.twins.length > 0 && other.twins.length > 0)
        expect(one.failures[0]?.[1]).toBe('handshake')
        expect(one.failures[0]?.[2]).toMatch(/another process has the key of this node/)
        expect([one.twins.splice(0), other.twins.splice(0)]).toEqual([[other.boot], [one.boot]])
        expect([one.refused, other.refused]).toEqual([[], []])
        one.failures.splice(0)
      }
    }
  } finally {
    await Promise.all([earlier, later].map(probe => probe.transport.stop()))
  }
})

async function lineTo(address: string): Promise<Line> {
  const line = await Line.to(address)
  lines.push(line)
  return line
}

test('a connection with a peer that there is a session with is closed, and nobody is told that one was not let in', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const [a, b] = [await harness.make(), await harness.make()]
  b.transport.dial('first', [a.address])
  await until('they are connected', () => a.peers.length === 1 && b.peers.length === 1)
  harness.pass(60_000)
  const line = await lineTo(b.address)
  for (const key of ['second', 'third']) {
    a.transport.dial(key, [line.address])
    await until('the dial is told of', () => a.dialled.at(-1)?.[0] === key)
    await until('the connection is closed', () => line.size === 0)
  }
  expect([a.downs, b.downs, a.failures, b.refused]).toEqual([[], [], [], []])
})

test('a peer that has started anew gets a session, also where the one with its earlier run looks alive', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const { earlier, later } = await twins()
  try {
    const node = await harness.make()
    const line = await lineTo(earlier.address)
    node.transport.dial('earlier', [line.address])
    await until('there is a session', () => node.peers.length === 1 && earlier.peers.length === 1)
    line.turn(later.address)
    node.transport.dial('later', [line.address])
    await until('there is one with the later run', () => later.peers.length === 1)
    later.transport.send(node.id, 'data', Buffer.from('here'))
    await until('it is heard', () => node.receivedBytes(later.id, 'data') > 0)
    expect([node.ups, node.downs]).toEqual([[later.id, later.id], [later.id]])
  } finally {
    await Promise.all([earlier, later].map(probe => probe.transport.stop()))
  }
})

test('a peer that has started anew within seconds, and dials, gets a session as well', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const { earlier, later } = await twins()
  try {
    let node = await harness.make()
    // Of two connections that cross, its own would stay.
    while (node.id > later.id) node = await harness.make()
    node.transport.dial('earlier', [earlier.address])
    await until('there is a session', () => node.peers.length === 1 && earlier.peers.length === 1)
    later.transport.dial('node', [node.address])
    await until('the dial has an outcome', () => later.dialled.length + later.failures.length > 0)
    expect(later.failures).toEqual([])
    await until('there is one with the later run', () => node.ups.length === 2 && later.peers.length === 1)
    expect(node.downs).toEqual([later.id])
  } finally {
    await Promise.all([earlier, later].map(probe => probe.transport.stop()))
  }
})

test('a peer that has lost the session gets another one by dialling, and whoever has renewed it as well', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const [a, b] = [await harness.make(), await harness.make()]
  const line = await lineTo(b.address)
  a.transport.dial('first', [line.address])
  await until('they are connected', () => a.peers.length === 1 && b.peers.length === 1)
  harness.pass(60_000)
  line.cutFarEnd()
  await until('one side knows', () => b.downs.length === 1)
  expect(a.downs).toEqual([])
  b.transport.dial('again', [a.address])
  await until('they are connected again', () => a.ups.length === 2 && b.ups.length === 2)
  expect(a.downs).toEqual([b.id])
  a.transport.hangUp(b.id, 'it has been silent for too long', 0)
  a.transport.dial('renewed', [line.address])
  await until(
    'they are connected once more',
    () => a.peers.length === 1 && a.ups.length === 3 && b.ups.length === 3,
  )
})

test('waiting for a mesh that refuses one ends with the reason', async () => {
  const member = await localNode({ cluster: 'ours', secret: 'right' })
  nodes.push(member)
  const log = new LogBook()
  const stranger = await localNode({
    cluster: 'ours',
    secret: 'wrong',
    discovery: { mdns: false, seeds: [...member.addresses] },
    logger: log,
  })
  nodes.push(stranger)
  await log.heard('no session with')
  await expect(stranger.formed(2, { timeoutMs: 100 })).rejects.toMatchObject({
    name: 'FormationError',
    message: expect.stringMatching(/1 of 2 nodes after 100 ms\n.*another cluster name or secret/),
  })
  expect(member.members()).toHaveLength(1)
})

test('a seed at which nobody listens does not keep a node from working, and is tried on', async () => {
  const port = await freePort()
  const seed = `/ip4/127.0.0.1/tcp/${port}`
  const early = await localNode({ cluster: 'late', discovery: { mdns: false, seeds: [seed] } })
  nodes.push(early)
  const late = await localNode({ cluster: 'late', listen: [seed] })
  nodes.push(late)
  await early.formed(2, { timeoutMs: PATIENCE_MS })
  expect(early.members().map(({ id }) => id)).toContain(late.id)
})

test('a port in use is a clear error, and leaves nothing behind', async () => {
  const first = await localNode()
  nodes.push(first)
  const taken = first.addresses[0]?.split('/p2p/')[0] ?? ''
  const reason = 'another process uses the port: choose another one, or 0 for any that is free'
  for (const listen of [[taken], [...LOOPBACK, taken]]) {
    await expect(localNode({ listen })).rejects.toMatchObject({
      name: 'ListenError',
      message: `cannot listen on ${taken}: ${reason}`,
      failures: [{ address: taken, reason }],
    })
  }
})

test.each([
  ['/ip4/203.0.113.1/tcp/0', /^this machine has no such address: /],
  ['/ip4/999.1.1.1/tcp/0', /^that is no multiaddress \(Invalid IPv4 address "999.1.1.1"\): wanted /],
  ['/ip4/127.0.0.1/tcp/70000', /^that is no multiaddress \(.*65535\): wanted /],
  ['/host/a/tcp/1', /^that is no multiaddress \(Protocol host was unknown\): wanted /],
  ['/ip4/127.0.0.1/udp/0', /^that is no address for TCP: wanted one such as /],
  ['/ip4/127.0.0.1', /^that is no address for TCP/],
  ['/ip4/127.0.0.1/tcp/0/ws', /^that is no address for TCP/],
  // Where there is nobody to ask, the answer is another one.
  ['/dns4/nowhere.invalid/tcp/0', /^nobody (knows the name|who knows names answers): /],
])('%s cannot be listened on, in words that say what to do', async (address, reason) => {
  const starting = localNode({ listen: [...LOOPBACK, address] })
  await expect(starting).rejects.toMatchObject({
    name: 'ListenError',
    failures: [{ address, reason: expect.stringMatching(reason) }],
  })
  // No stack, and no advice for users of libp2p.
  await expect(starting).rejects.not.toThrow(/\n|faultTolerance/)
})

test('nodes of one machine find each other by multicast, without seeds', async () => {
  const cluster = `mdns-${process.pid}`
  const start = async (): Promise<Node> => {
    const node = await localNode({ cluster, discovery: { mdns: true } })
    nodes.push(node)
    return node
  }
  const [one, other] = [await start(), await start()]
  await one.formed(2, { timeoutMs: PATIENCE_MS })
  expect(one.members().map(({ id }) => id)).toContain(other.id)
})
