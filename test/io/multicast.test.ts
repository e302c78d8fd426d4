/** What multicast makes a node do: look for whoever has moved, and keep nothing of what strangers claim. */

import { once } from 'node:events'
import { type Socket, createServer } from 'node:net'

import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import multicastDns from 'multicast-dns'
import { afterEach, expect, test } from 'vitest'

import { Gate } from '../../src/io/libp2p/gate.ts'
import { type MeshLibp2p, createMeshLibp2p } from '../../src/io/libp2p/libp2p-node.ts'
import { Libp2pTransport } from '../../src/io/libp2p/libp2p-transport.ts'
import { deriveMeshKeys } from '../../src/io/libp2p/mesh-keys.ts'
import { Processes } from '../../src/io/libp2p/processes.ts'
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

/** Says where somebody is, as anybody in the network can. */
function claimant(): (peer: string, address: string) => void {
  const socket = multicastDns()
  closers.push(() => socket.destroy())
  return (peer, address) => {
    // No part of a name is longer than 63 bytes, as an id may be.
    const name = `${peer.slice(0, 63)}.${tag}`
    socket.respond([
      { name: tag, type: 'PTR', data: name },
      { name, type: 'TXT', data: `dnsaddr=${address}/p2p/${peer}` },
    ])
  }
}

test('whoever has moved is found where it is now', async () => {
  const [node, claim, peer] = [await start(), claimant(), await newId()]
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
  const [node, other, claim] = [await start(), await start(), claimant()]
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
  const [node, claim, peer] = [await start(), claimant(), await newId()]
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

test('a fault of this node at what a stranger claims is told of, and ends nothing', async () => {
  const faults: unknown[] = []
  const libp2p = await startLibp2p(
    () => {
      throw new Error('a bug')
    },
    error => faults.push(error),
  )
  const [claim, peer] = [claimant(), await newId()]
  await until('the fault is told of', () => {
    claim(peer, '/ip4/10.0.0.7/tcp/7000')
    return faults.length > 0
  })
  expect(faults).toEqual([new Error('a bug')])
  expect(libp2p.status).toBe('started')
})

/** libp2p of a node without its transport. */
async function startLibp2p(
  onFound: () => void = () => {},
  onFault: (error: unknown) => void = () => {},
): Promise<MeshLibp2p> {
  const libp2p = await createMeshLibp2p({
    ...mesh,
    privateKey: await generateKeyPair('Ed25519'),
    gate: new Gate(undefined, systemClock),
    processes: new Processes(),
    onFound,
    onFault,
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
  const claim = claimant()
  const peers = await Promise.all(Array.from({ length: 100 }, () => newId()))
  await until('all are found', () => {
    for (const peer of peers) claim(peer, '/ip4/10.0.0.7/tcp/7000')
    return count >= peers.length
  })
  expect(await libp2p.peerStore.all()).toHaveLength(0)
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
