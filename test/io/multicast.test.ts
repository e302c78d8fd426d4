/** What multicast makes a node do: look for whoever has moved, and keep nothing of what strangers claim. */

import { type Socket as UdpSocket, createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type Socket, createServer } from 'node:net'
import os from 'node:os'

import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, expect, test, vi } from 'vitest'

import { Gate } from '../../src/io/libp2p/gate.ts'
import { type MeshLibp2p, createMeshLibp2p } from '../../src/io/libp2p/libp2p-node.ts'
import { Libp2pTransport } from '../../src/io/libp2p/libp2p-transport.ts'
import { deriveMeshKeys } from '../../src/io/libp2p/mesh-keys.ts'
import { decodeMulticast, encodeAnswer, encodeQuestion } from '../../src/io/libp2p/multicast-message.ts'
import { MULTICAST_MESSAGES } from '../../src/io/libp2p/multicast.ts'
import { Processes } from '../../src/io/libp2p/processes.ts'
import { silentLogger } from '../../src/io/system/loggers.ts'
import { systemClock } from '../../src/io/system/system-clock.ts'
import { PATIENCE } from '../patience.ts'
import { Probe } from './harness.ts'
import { freePort, until } from './harnesses.ts'

const mesh = {
  cluster: `multicast-${process.pid}`,
  secret: 'multicast',
  listen: ['/ip4/127.0.0.1/tcp/0'],
  mdns: true,
}

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function start(): Promise<Probe> {
  const probe = await Probe.start(await Libp2pTransport.create({ ...mesh, clock: systemClock }))
  closers.push(() => probe.transport.stop())
  return probe
}

async function newId(): Promise<string> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString()
}

const { tag } = await deriveMeshKeys(mesh.cluster, mesh.secret)

/** A socket of anybody in the network. */
async function bystander(port = 0): Promise<UdpSocket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(port)
  await once(socket, 'listening')
  closers.push(() => socket.close())
  return socket
}

/** Says where somebody is, as anybody in the network can. */
async function claimant(): Promise<(peer: string, ...addresses: readonly string[]) => void> {
  const socket = await bystander()
  return (peer, ...addresses) => {
    const named = addresses.map(address => `${address}/p2p/${peer}`)
    socket.send(encodeAnswer(tag, peer, named), 5_353, '224.0.0.251')
  }
}

test('whoever has moved is found where it is now', async () => {
  const [node, claim, peer] = [await start(), await claimant(), await newId()]
  const isFoundAt = (address: string): boolean =>
    node.found.some(([id, addresses]) => id === peer && addresses.includes(`${address}/p2p/${peer}`))
  for (const address of ['/ip4/10.0.0.7/tcp/7000', '/ip4/10.0.1.9/tcp/7000']) {
    await until(`found at ${address}`, () => {
      claim(peer, address)
      return isFoundAt(address)
    })
  }
  // It is said again and again, and told once.
  expect(node.found.filter(([id]) => id === peer)).toHaveLength(2)
})

test('a member that was met is found where it is now', async () => {
  const [node, other, claim] = [await start(), await start(), await claimant()]
  node.transport.dial('other', [other.address])
  await until('they have met', () => node.peers.includes(other.id))
  await other.transport.stop()
  await until('it is found again', () => {
    claim(other.id, '/ip4/10.0.1.9/tcp/7000')
    return node.found.some(([, addresses]) => addresses[0]?.startsWith('/ip4/10.0.1.9/') === true)
  })
  expect(node.found.at(-1)).toEqual([other.id, [`/ip4/10.0.1.9/tcp/7000/p2p/${other.id}`]])
})

test('what a stranger claims under a name that no node can have is left out, and what comes after it is heard', async () => {
  const [node, claim, peer] = [await start(), await claimant(), await newId()]
  // Of a URL, as libp2p reads it: in its words, that is longer than any id of a node.
  const url = Buffer.from(`http://a/${'a'.repeat(81)}`)
  const head = Buffer.from([0xa5, 0x03, url.length + 2, 0, url.length])
  const endless = multiaddr(Buffer.concat([head, url]))
    .toString()
    .slice('/p2p/'.length)
  await until('the other one is found', () => {
    for (const strange of [endless, 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'])
      claim(strange, '/ip4/10.0.0.7/tcp/1')
    claim(peer, '/ip4/10.0.0.8/tcp/7000')
    return node.found.length > 0
  })
  expect(new Set(node.found.map(([id]) => id))).toEqual(new Set([peer]))
  expect(node.faults).toEqual([])
})

test('of what a stranger claims, only plain addresses are looked at: no names, nothing but TCP', async () => {
  const [node, claim, peer] = [await start(), await claimant(), await newId()]
  const bad = [
    '/dnsaddr/nonexistent.invalid',
    '/dns4/nonexistent.invalid/tcp/7000',
    '/unix/tmp%2Fx',
    '/ip4/10.0.0.7/tcp/0',
    '/ip4/10.0.0.7/udp/7000',
    '/ip4/10.0.0.7/tcp/7000/p2p-circuit',
    '/ip4/10.0.0.7/tcp/7000/http',
  ]
  const other = await newId()
  await until('it is found', () => {
    for (const address of bad) claim(other, address)
    claim(peer, ...bad, '/ip4/10.0.0.8/tcp/7000', '/ip6/fd00::8/tcp/7000')
    return node.found.length > 0
  })
  const good = ['/ip4/10.0.0.8/tcp/7000', '/ip6/fd00::8/tcp/7000'].map(address => `${address}/p2p/${peer}`)
  expect(node.found).toEqual([[peer, good]])
})

test('of several nodes in one message, as a reflector may send it, all are found but the node itself', async () => {
  const [node, anybody, others] = [await start(), await bystander(), [await newId(), await newId()]]
  const addresses = others.map((id, index) => [`/ip4/10.0.0.${index + 1}/tcp/7000/p2p/${id}`])
  const own = encodeAnswer(tag, 'own', [`/ip4/10.0.0.9/tcp/7000/p2p/${node.id}`])
  const rest = others.map((id, index) => encodeAnswer(tag, id, addresses[index] ?? []).subarray(12))
  const message = Buffer.concat([own, ...rest])
  message.writeUInt16BE(6, 6)
  await until('both are found', () => {
    anybody.send(message, 5353, '224.0.0.251')
    return node.found.length > 1
  })
  expect(node.found.slice(0, 2)).toEqual(others.map((id, index) => [id, addresses[index]]))
})

test('who was not looked at, as more are found than there can be, is told of again when it says so again', async () => {
  const [node, claim, peer] = [await start(), await claimant(), await newId()]
  node.isFull = true
  await until('it is told of twice', () => {
    claim(peer, '/ip4/10.0.0.7/tcp/7000')
    return node.found.length > 1
  })
  node.isFull = false
  const before = node.found.length
  await until('it is looked at', () => {
    claim(peer, '/ip4/10.0.0.7/tcp/7000')
    return node.found.length > before
  })
  claim(peer, '/ip4/10.0.0.7/tcp/7000')
  const other = await newId()
  await until('another one is found', () => {
    claim(other, '/ip4/10.0.0.8/tcp/7000')
    return node.found.at(-1)?.[0] === other
  })
  // Once it was looked at, it is not told of again.
  expect(node.found.length).toBe(before + 2)
})

test('whoever asks, and however often, there is one answer a second, and one more for the last who asked', async () => {
  const [node, socket] = [await start(), await bystander(5_353)]
  socket.addMembership('224.0.0.251')
  const answersAtMs: number[] = []
  socket.on('message', bytes => {
    const message = decodeMulticast(tag, bytes)
    if (message?.kind === 'answer' && message.texts.includes(node.address))
      answersAtMs.push(performance.now())
  })
  const fromMs = performance.now()
  for (let times = 0; times < 100; times++) socket.send(encodeQuestion(tag), 5_353, '224.0.0.251')
  await until('there are two answers', () => answersAtMs.length >= 2)
  await until('two seconds have passed', () => performance.now() - fromMs > 2_500)
  const perSecond = (performance.now() - fromMs) / 1_000
  // Once for each network of the machine.
  const networks = Object.values(os.networkInterfaces()).length
  expect(answersAtMs.length).toBeLessThanOrEqual(Math.ceil(perSecond) * networks)
})

test('where the system does not say which interfaces there are, the node lives, and says so once', async () => {
  const warnings: string[] = []
  const listen = ['/ip4/0.0.0.0/tcp/0']
  const logger = { ...silentLogger, warn: (facts: object) => warnings.push(JSON.stringify(facts)) }
  const looks = vi.spyOn(os, 'networkInterfaces')
  closers.push(() => looks.mockRestore())
  const transport = await Libp2pTransport.create({ ...mesh, listen, logger, clock: systemClock })
  looks.mockImplementation(() => {
    throw new Error('EMFILE')
  })
  const fromMs = performance.now()
  const node = await Probe.start(transport)
  closers.push(() => transport.stop())
  // Of libp2p a second after it has started, of multicast when it starts and five seconds later.
  await until('all have looked', () => performance.now() - fromMs > 5_500 && looks.mock.calls.length >= 3)
  expect(node.transport.addresses).toEqual([])
  looks.mockRestore()
  expect(node.transport.addresses).not.toEqual([])
  const claim = await claimant()
  const peer = await newId()
  await until('it hears', () => {
    claim(peer, '/ip4/10.0.0.7/tcp/7000')
    return node.found.length > 0
  })
  expect(warnings).toEqual([expect.stringContaining('EMFILE')])
})

test('a fault of this node at what a stranger claims is told of, and ends nothing', async () => {
  const faults: unknown[] = []
  const libp2p = await startLibp2p(
    () => {
      throw new Error('a bug')
    },
    error => faults.push(error),
  )
  const [claim, peer] = [await claimant(), await newId()]
  await until('the fault is told of', () => {
    claim(peer, '/ip4/10.0.0.7/tcp/7000')
    return faults.length > 0
  })
  expect(faults).toEqual([new Error('a bug')])
  expect(libp2p.status).toBe('started')
})

/** libp2p of a node without its transport. */
async function startLibp2p(
  onFound: () => unknown = () => {},
  onFault: (error: unknown) => void = () => {},
): Promise<MeshLibp2p> {
  const libp2p = await createMeshLibp2p({
    ...mesh,
    privateKey: await generateKeyPair('Ed25519'),
    gate: new Gate(undefined, systemClock),
    processes: new Processes(),
    onFound: () => {
      onFound()
      return true
    },
    onFault,
    logger: silentLogger,
    onRefused: () => {},
    boot: () => 1,
    onTwin: () => {},
  })
  await libp2p.start()
  closers.push(() => libp2p.stop())
  return libp2p
}

test('of those whom multicast claims to have found, nothing is kept by libp2p', async () => {
  let count = 0
  const libp2p = await startLibp2p(() => (count += 1))
  const claim = await claimant()
  const peers = await Promise.all(Array.from({ length: 100 }, () => newId()))
  await until('all are found', () => {
    for (const peer of peers) claim(peer, '/ip4/10.0.0.7/tcp/7000')
    return count >= peers.length
  })
  expect(await libp2p.peerStore.all()).toHaveLength(0)
})

test('however much strangers say, so much of it is read, and they cost no more than that', async () => {
  let count = 0
  await startLibp2p(() => (count += 1))
  const [claim, peer] = [await claimant(), await newId()]
  const fromMs = performance.now()
  for (let sent = 0; sent < 3_000; sent += 20) {
    for (let port = 1; port <= 20; port++) claim(peer, `/ip4/10.0.0.7/tcp/${sent + port}`)
    await new Promise(resolve => setImmediate(resolve))
  }
  await until('some are heard', () => count > 0)
  const { perSecond, burst } = MULTICAST_MESSAGES
  const passedS = (performance.now() - fromMs) / 1_000
  expect(count).toBeLessThanOrEqual(burst + passedS * perSecond)
})

test('of those who were dialled in vain, or were met and are gone, nothing is kept by libp2p', async () => {
  const [libp2p, other] = [await startLibp2p(), await startLibp2p()]
  const nowhere = multiaddr(`/ip4/127.0.0.1/tcp/${await freePort()}/p2p/${await newId()}`)
  await expect(libp2p.dial(nowhere)).rejects.toThrow()
  const connection = await libp2p.dial(other.getMultiaddrs())
  await libp2p.services.introduction.introduce(connection, '/meshsub/1.2.0')
  expect((await libp2p.peerStore.all()).map(({ id }) => id.toString())).toEqual([other.peerId.toString()])
  await other.stop()
  await expect.poll(async () => (await libp2p.peerStore.all()).length, PATIENCE).toBe(0)
})

test('what is claimed of a member is dialled after what it says itself, also where libp2p would prefer it', async () => {
  const [node, member] = [await start(), await start()]
  // Whoever listens there lets a handshake take its time. That is no address of loopback, which libp2p tries last.
  const callers: Socket[] = []
  const port = await freePort()
  const silent = createServer(socket => callers.push(socket)).listen(port)
  await once(silent, 'listening')
  closers.push(() => {
    for (const caller of callers) caller.destroy()
    silent.close()
  })
  node.transport.dial('member', [member.address, `/ip4/0.0.0.0/tcp/${port}/p2p/${member.id}`])
  await until('there is a session', () => node.peers.includes(member.id))
  expect(callers).toHaveLength(0)
})
