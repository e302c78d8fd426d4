/** Many dials at once, slow readers, and what is left of it afterwards: over real connections. */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type Server, type Socket, connect, createServer } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, expect, test } from 'vitest'

import type { NodeId } from '../../src/ids.ts'
import { DIALS_MAX, PARALLEL_DIALS_MAX } from '../../src/io/libp2p/libp2p-node.ts'
import { HANDSHAKES_MAX, HANDSHAKE_ANSWERS_MAX, HANDSHAKE_TIMEOUT_MS } from '../../src/io/libp2p/mesh-tcp.ts'
import { Libp2pTransport } from '../../src/io/libp2p/libp2p-transport.ts'
import { systemClock } from '../../src/io/system/system-clock.ts'
import type { Cancel, Clock } from '../../src/ports.ts'
import { Probe } from './harness.ts'
import { until } from './harnesses.ts'

const MIB = 1024 * 1024
const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** A clock that knows how many of its timers are running. */
function countingClock(): Clock & { readonly running: Set<object> } {
  const running = new Set<object>()
  return {
    running,
    nowMs: () => systemClock.nowMs(),
    wallMs: () => systemClock.wallMs(),
    after: (delayMs, action): Cancel => {
      const timer = {}
      running.add(timer)
      const cancel = systemClock.after(delayMs, () => {
        running.delete(timer)
        action()
      })
      return () => {
        running.delete(timer)
        cancel()
      }
    },
  }
}

async function start(cluster: string, clock: Clock = systemClock): Promise<Probe> {
  const transport = await Libp2pTransport.create({
    cluster,
    secret: '',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    mdns: false,
    clock,
  })
  const probe = await Probe.start(transport)
  closers.push(() => transport.stop())
  return probe
}

/** Passes bytes on to a port, as long as it is told to. */
async function startProxy(port: number): Promise<{ readonly address: string; stall(): void; flow(): void }> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    const target = connect(port, '127.0.0.1')
    sockets.push(socket, target)
    for (const end of [socket, target]) end.on('error', () => {})
    socket.pipe(target).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const own = portOfServer(server)
  return {
    address: `/ip4/127.0.0.1/tcp/${own}`,
    stall: () => sockets.forEach(socket => socket.pause()),
    flow: () => sockets.forEach(socket => socket.resume()),
  }
}

function portOf(probe: Probe): number {
  return Number(probe.address.split('/')[4])
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter(kind => kind === 'TCPSocketWrap').length
}

test('twelve nodes that all dial each other at once, again and again, have one session with each and no timer left', async () => {
  const clock = countingClock()
  const cluster = randomUUID()
  const probes = await Promise.all(Array.from({ length: 12 }, () => start(cluster, clock)))
  const others = (probe: Probe): Probe[] => probes.filter(other => other !== probe)
  const pairs = (probes.length * (probes.length - 1)) / 2
  const before = openSockets()
  for (let round = 0; round < 5; round++) {
    for (const probe of probes) {
      for (const other of others(probe)) probe.transport.dial(`${other.id} ${round}`, [other.address])
    }
    await until('every dial is told of', () =>
      probes.every(({ dialled, failures }) => dialled.length + failures.length === (round + 1) * 11),
    )
    await until('all are connected with all', () => probes.every(({ peers }) => peers.length === 11))
    await until('surplus connections are closed', () => openSockets() - before === 2 * pairs)
  }
  expect(probes.flatMap(({ failures }) => failures)).toEqual([])
  const mark = (from: NodeId): Buffer => Buffer.from(`from ${from};`)
  for (const probe of probes) {
    for (const other of others(probe)) probe.transport.send(other.id, 'data', mark(probe.id))
  }
  await until('all hear all, on the session that has stayed', () =>
    probes.every(probe =>
      others(probe).every(other => probe.received(other.id, 'data').toString() === mark(other.id).toString()),
    ),
  )
  expect(clock.running.size).toBe(0)
})

test('sessions that end by whichever side, in whichever way, leave no timer and no socket', async () => {
  const clock = countingClock()
  const cluster = randomUUID()
  const [a, b] = [await start(cluster, clock), await start(cluster, clock)]
  const before = openSockets()
  for (let round = 0; round < 20; round++) {
    const [dialler, listener] = round % 2 === 0 ? [a, b] : [b, a]
    dialler.transport.dial(`round ${round}`, [listener.address])
    await until('both are up', () => a.peers.length === 1 && b.peers.length === 1)
    const ender = round % 4 < 2 ? a : b
    ender.transport.hangUp(ender === a ? b.id : a.id, 'enough', 0)
    await until('both are told', () => a.peers.length === 0 && b.peers.length === 0)
  }
  await until('all sockets are closed', () => openSockets() === before)
  await until('no timer is left', () => clock.running.size === 0)
  expect([a.ups.length, b.ups.length]).toEqual([20, 20])
})

test('a sender is asked to wait for a reader that does not read, and goes on when it does: nothing is lost', async () => {
  const cluster = randomUUID()
  const [a, b] = [await start(cluster), await start(cluster)]
  const proxy = await startProxy(portOf(b))
  a.transport.dial('slow', [proxy.address])
  await until('both are up', () => a.peers.length === 1 && b.peers.length === 1)
  proxy.stall()
  let sent = 0
  let isAsked = false
  while (!isAsked && sent < 64 * MIB) {
    isAsked = !a.transport.send(b.id, 'data', new Uint8Array(63 * 1024))
    sent += 63 * 1024
    await new Promise(resolve => setImmediate(resolve))
  }
  // The window of the stream and what the sockets of three processes hold; not what the sender would like to send.
  expect(sent).toBeLessThan(16 * MIB)
  expect(a.drains).toBe(0)
  proxy.flow()
  await until('it may go on', () => a.drains > 0)
  await until('all has come', () => b.receivedBytes(a.id, 'data') === sent)
})

test('a sender that does not wait is cut off before it has filled the memory, and it is said why', async () => {
  const cluster = randomUUID()
  const [a, b] = [await start(cluster), await start(cluster)]
  const proxy = await startProxy(portOf(b))
  a.transport.dial('slow', [proxy.address])
  await until('both are up', () => a.peers.length === 1 && b.peers.length === 1)
  proxy.stall()
  let sent = 0
  while (a.peers.length === 1 && sent < 512 * MIB) {
    a.transport.send(b.id, 'data', new Uint8Array(MIB))
    sent += MIB
    // The end of a session is told as soon as nobody is in the midst of a call.
    await Promise.resolve()
  }
  expect(sent).toBeGreaterThan(32 * MIB)
  expect(sent).toBeLessThan(96 * MIB)
  expect(a.reasons).toEqual([expect.stringContaining('Write buffer length')])
})

/** A port that takes connections, and says nothing. */
async function startMute(): Promise<{ readonly port: number; readonly sockets: ReadonlySet<Socket> }> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => {}))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: portOfServer(server), sockets }
}

test(`no more than ${DIALS_MAX} dials are under way: each further one is told so at once`, async () => {
  const a = await start(randomUUID())
  const { port, sockets } = await startMute()
  const keys = await Promise.all(Array.from({ length: DIALS_MAX + 5 }, () => generateKeyPair('Ed25519')))
  for (const [index, key] of keys.entries())
    a.transport.dial(`${index}`, [`/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdFromPrivateKey(key).toString()}`])
  await until('those beyond are told', () => a.failures.length === 5)
  expect(new Set(a.failures.map(([, , reason]) => reason))).toEqual(
    new Set(['this node has too many dials under way: it tries again']),
  )
  expect(a.failures.map(([key]) => Number(key))).toEqual([512, 513, 514, 515, 516])
  await until('the first of the others are under way', () => sockets.size === PARALLEL_DIALS_MAX)
})

test(`no more than ${HANDSHAKES_MAX} handshakes are under way: of those who say nothing, the oldest make room for whoever comes, and nodes get in`, async () => {
  const cluster = randomUUID()
  const [a, b] = [await start(cluster), await start(cluster)]
  const mute: Socket[] = []
  /** Those that have made room: cut off before their time was up. */
  const early = new Set<Socket>()
  closers.push(async () => mute.forEach(socket => socket.destroy()))
  while (mute.length < HANDSHAKES_MAX + 25) {
    const openedMs = performance.now()
    // A few at a time: what the kernel cannot queue for the node to accept is tried again seconds later.
    const some = Array.from({ length: 25 }, () =>
      connect(portOf(a), '127.0.0.1')
        .on('error', () => {})
        .resume(),
    )
    const onClose = (socket: Socket): void => {
      if (performance.now() - openedMs < HANDSHAKE_TIMEOUT_MS) early.add(socket)
    }
    for (const socket of some) socket.once('close', () => onClose(socket))
    mute.push(...some)
    await Promise.all(some.map(socket => once(socket, 'connect')))
  }
  await until('those beyond are closed', () => early.size >= 25)
  const fullMs = performance.now()
  let tries = 0
  await until('a node gets in', () => {
    if (b.failures.length + b.dialled.length === tries) b.transport.dial(`try ${++tries}`, [a.address])
    return b.peers.length === 1
  })
  // It has not waited for those who are silent: each of them may be so for twice as long.
  expect(performance.now() - fullMs).toBeLessThan(HANDSHAKE_TIMEOUT_MS / 2)
  // Whoever came has taken the place of one: those beyond, and the node with each try.
  expect(early.size).toBeLessThanOrEqual(25 + tries)
  for (const socket of mute) socket.destroy()
  await until('it has told of those that were in their handshake', () => a.refused.length >= HANDSHAKES_MAX)
  expect(new Set(a.refused.map(([who]) => who))).toEqual(new Set(['127.0.0.1']))
})

test('whoever asks for one protocol after another is hung up on after a few, whether or not it reads the answers', async () => {
  const a = await start(randomUUID())
  const line = (text: string): Buffer =>
    Buffer.concat([Buffer.from([text.length + 1]), Buffer.from(`${text}\n`)])
  // All of these would be answered in one go, without a turn for anybody else.
  const lines = Buffer.concat([
    line('/multistream/1.0.0'),
    ...Array.from({ length: 60_000 }, () => line('/a')),
  ])
  const clients = Array.from({ length: 20 }, (_, index) => {
    const socket = connect(portOf(a), '127.0.0.1').on('error', () => {})
    let answerBytes = 0
    if (index % 2 === 0) socket.on('data', bytes => (answerBytes += bytes.length))
    socket.write(lines)
    closers.push(async () => void socket.destroy())
    return { socket, answerBytes: () => answerBytes }
  })
  await until('all are hung up on', () => a.refused.length === clients.length)
  expect(new Set(a.refused.map(([, reason]) => reason))).toEqual(
    new Set(['what it says is no handshake: it is no meshvisor']),
  )
  const answerBytesMax = line('/multistream/1.0.0').length + HANDSHAKE_ANSWERS_MAX * line('na').length
  for (const { answerBytes } of clients) expect(answerBytes()).toBeLessThanOrEqual(answerBytesMax)
})

function portOfServer(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
