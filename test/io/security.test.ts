/** Who gets in and who does not, over real connections, and what both sides are told. */

import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { afterEach, describe, expect, test } from 'vitest'

import { Libp2pTransport } from '../../src/io/libp2p/libp2p-transport.ts'
import { silentLogger } from '../../src/io/system/loggers.ts'
import { systemClock } from '../../src/io/system/system-clock.ts'
import { Node } from '../../src/node/node.ts'
import { type NodeInit, checkOptions } from '../../src/node/options.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import type { Directory, Logger } from '../../src/ports.ts'
import type { ProtocolRange } from '../../src/protocol/member-row.ts'
import { CONTROL_FRAME_BYTES_MAX } from '../../src/protocol/messages.ts'
import { LOOPBACK, localNode } from '../local-node.ts'
import { Probe } from './harness.ts'
import { until } from './harnesses.ts'

const nodes: Node[] = []
const probes: Probe[] = []

afterEach(async () => {
  await Promise.all([
    ...nodes.splice(0).map(node => node.stop()),
    ...probes.splice(0).map(probe => probe.transport.stop()),
  ])
})

/** A logger that keeps what it is told of others; that the machine of the test is busy is another matter. */
function notebook(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const note = (facts: object, message: string): void => {
    if (message !== 'the event loop was held up') lines.push(`${message} ${JSON.stringify(facts)}`)
  }
  return { lines, debug: () => {}, info: () => {}, warn: note, error: note }
}

async function start(init: NodeInit & { readonly seed?: Node | undefined } = {}): Promise<Node> {
  const { seed, ...rest } = init
  const node = await localNode({
    cluster: 'security',
    secret: 'right',
    discovery: { mdns: false, seeds: seed === undefined ? [] : [...seed.addresses] },
    ...rest,
  })
  nodes.push(node)
  return node
}

/** A transport of the mesh with nobody behind it who knows the protocol. */
async function startProbe(
  more: { readonly sessionsMax?: number; readonly allow?: readonly string[] } = {},
): Promise<Probe> {
  const transport = await Libp2pTransport.create({
    cluster: 'security',
    secret: 'right',
    listen: LOOPBACK,
    mdns: false,
    clock: systemClock,
    ...more,
  })
  const probe = await Probe.start(transport)
  probes.push(probe)
  return probe
}

describe.each([
  ['another secret', { secret: 'wrong' }],
  ['another cluster name', { cluster: 'other' }],
])('a node with %s', (_what, wrong) => {
  test('fails at the handshake, both sides say so once, and it goes on trying', async () => {
    const [ours, theirs] = [notebook(), notebook()]
    const member = await start({ logger: ours })
    const stranger = await start({ ...wrong, logger: theirs, seed: member })
    await until('it has tried again and again', () => member.snapshot().border.strangers >= 4)
    expect(ours.lines).toEqual([
      expect.stringMatching(/^somebody was not let in .*127\.0\.0\.1.*another cluster name or secret/),
    ])
    expect(theirs.lines).toEqual([
      expect.stringMatching(/^no session with a node, which is tried on .*another cluster name or secret/),
    ])
    expect(member.members()).toHaveLength(1)
    expect(stranger.members()).toHaveLength(1)
    expect(member.snapshot().border.violations).toBe(0)
  })
})

test('who speaks no libp2p is counted, and told of once', async () => {
  const log = notebook()
  const member = await start({ logger: log })
  const port = Number(member.addresses[0]?.split('/')[4])
  for (let count = 0; count < 3; count++) {
    const socket = connect(port, '127.0.0.1')
    socket.end(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${randomBytes(64).toString('hex')}`)
    socket.on('error', () => {})
    socket.resume()
    await new Promise(resolve => socket.once('close', resolve))
  }
  await until('all are counted', () => member.snapshot().border.strangers === 3)
  expect(log.lines).toEqual([expect.stringMatching(/no meshvisor/)])
})

test('of a handshake that breaks off with a host of members, nothing is said of secrets', async () => {
  const log = notebook()
  const member = await start({ logger: log })
  const other = await start({ seed: member })
  await until('they have met', () => member.members().length === 2)
  await other.stop()
  const socket = connect(Number(member.addresses[0]?.split('/')[4]), '127.0.0.1')
  socket.on('error', () => {})
  await new Promise<void>(resolve => socket.once('connect', resolve))
  socket.destroy()
  await until('it is counted', () => member.snapshot().border.strangers === 1)
  expect(member.snapshot().border.last?.reason).toMatch(/^the handshake broke off: members come from/)
  expect(log.lines.join()).toMatch(/the handshake broke off/)
  expect(log.lines.join()).not.toMatch(/secret/)
})

/** The first bytes of a handshake, as any node says them. */
const OPENING = Buffer.concat([
  Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n'),
  Buffer.from([0, 32]),
  randomBytes(32),
])

test.each([
  ['at once', Buffer.alloc(0)],
  ['when it has heard the answer', OPENING],
])(
  'who ends %s, in its handshake with a node that knows nobody yet, says nothing of its secret',
  async (_, said) => {
    const log = notebook()
    const member = await start({ logger: log })
    const socket = connect(Number(member.addresses[0]?.split('/')[4]), '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    if (said.length > 0) {
      socket.write(said)
      let heardBytes = 0
      // Beside what is agreed on first, the answer with its key and signature.
      while (heardBytes < 200) {
        const [bytes]: Buffer[] = await once(socket, 'data')
        heardBytes += bytes?.length ?? 0
      }
    }
    socket.resetAndDestroy()
    await until('it is told', () => log.lines.length === 1)
    expect(log.lines[0]).toMatch(/somebody was not let in .*the handshake broke off: it has ended/)
    expect(log.lines[0]).not.toMatch(/secret/)
  },
)

test('another secret is told as such also where members come from that address', async () => {
  const log = notebook()
  const member = await start({ logger: log })
  await start({ seed: member })
  await member.formed(2)
  await start({ secret: 'wrong', seed: member })
  await until('it is counted', () => member.snapshot().border.strangers >= 1)
  expect(log.lines.join()).toMatch(/somebody was not let in .*another cluster name or secret/)
})

describe('an allow-list', () => {
  test('lets in who is on it, and nobody else: both sides are told', async () => {
    const [ours, theirs] = [notebook(), notebook()]
    const listed = await startListed()
    const member = await start({ allow: [listed.id], logger: ours, seed: listed })
    await member.formed(2)
    const stranger = await start({ logger: theirs, seed: member })
    await until('it has tried again', () => member.snapshot().border.strangers >= 3)
    expect(ours.lines).toEqual([
      expect.stringMatching(/not let in .*it is not on the allow-list of this node/),
    ])
    expect(theirs.lines.join()).toMatch(/no session with a node.*may not be on its allow-list/)
    expect(stranger.members()).toHaveLength(1)
    expect(
      member
        .members()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([listed.id, member.id].toSorted())
  })

  test.each([
    ['the id with it', (address: string) => address],
    ['no id', (address: string) => address.replace(/\/p2p\/.*/, '')],
  ])('also holds for whom the node itself dials, at an address that has %s', async (_what, seedOf) => {
    const log = notebook()
    const stranger = await start()
    const discovery = { mdns: false, seeds: stranger.addresses.map(seedOf) }
    const member = await start({ allow: [(await startListed()).id], logger: log, discovery })
    await until('it says so', () => log.lines.length > 0)
    expect(log.lines[0]).toMatch(/this node does not let it in: (it is )?not on (the|its) allow-list/)
    expect(member.members()).toHaveLength(1)
    expect(stranger.members()).toHaveLength(1)
  })

  test('takes ids of nodes only', async () => {
    await expect(start({ allow: ['gateway'] })).rejects.toMatchObject({
      name: 'OptionsError',
      message: expect.stringMatching(/allow\[0\]: found "gateway", wanted a node id such as 12D3KooW/),
    })
  })

  async function startListed(): Promise<Node> {
    return start()
  }
})

/** A node with more in its hands than `createNode` gives. */
async function startWith(
  seed: Node,
  more: { readonly protocol?: ProtocolRange; readonly privateKey?: PrivateKey; readonly logger?: Logger },
): Promise<Node> {
  const options = checkOptions({
    cluster: 'security',
    secret: 'right',
    listen: LOOPBACK,
    discovery: { mdns: false },
  })
  const { protocol = options.protocol, privateKey, logger = silentLogger } = more
  const transport = await Libp2pTransport.create({ ...options, logger, privateKey, clock: systemClock })
  const directory: Directory = {
    start: handlers => seed.addresses.forEach(address => handlers.onSeed(address)),
    remember: () => {},
    part: () => {},
    stop: async () => {},
  }
  const ports = { clock: systemClock, transport, logger, directory }
  const node = await Node.start({ ...options, protocol }, ports, randomUUID())
  nodes.push(node)
  return node
}

test('of two nodes with one key, the newer one lives, and the older one stops with an error', async () => {
  const log = notebook()
  const privateKey = await generateKeyPair('Ed25519')
  const rock = await start()
  const older = await startWith(rock, { privateKey, logger: log })
  await older.formed(2)
  const replaced = new Promise<number>(resolve => older.on('node:replaced', ({ by }) => resolve(by.boot)))
  const newer = await startWith(rock, { privateKey })
  expect(newer.id).toBe(older.id)
  const boot = await replaced
  expect(() => older.getWorker('any')).toThrow(expect.objectContaining({ name: 'DuplicateIdentityError' }))
  await expect(older.formed(3)).rejects.toMatchObject({ name: 'DuplicateIdentityError' })
  expect(log.lines.filter(line => line.includes('another process with the key of this node'))).toHaveLength(1)
  await newer.formed(2)
  await rock.formed(2)
  await until('the newer one is the member', () =>
    rock.members().some(member => member.id === newer.id && member.boot === boot && member.isConnected),
  )
})

test('nodes without a version of the protocol in common refuse each other, and both say which they speak', async () => {
  const [ours, theirs] = [notebook(), notebook()]
  const member = await start({ logger: ours })
  const future = await startWith(member, { protocol: { min: 5, max: 6 }, logger: theirs })
  await until('both have refused', () =>
    [member, future].every(node => node.snapshot().border.incompatible > 0),
  )
  expect(ours.lines[0]).toMatch(
    /speaks another protocol .*versions 5 to 6 of the protocol, this node 1 to 1: update the older/,
  )
  expect(theirs.lines[0]).toMatch(
    /speaks another protocol .*versions 1 to 1 of the protocol, this node 5 to 6: update the older/,
  )
  expect(member.members()).toHaveLength(1)
  // Tried again, it is still that and no list which is in the way.
  await until('it is tried again', () => theirs.lines.some(line => line.startsWith('no session with a node')))
  expect(theirs.lines.filter(line => line.startsWith('no session with a node'))).toEqual([
    expect.stringMatching(/versions 1 to 1 of the protocol, this node 5 to 6: update the older/),
  ])
  await expect(future.formed(2, { timeoutMs: 10 })).rejects.toMatchObject({
    name: 'FormationError',
    message: expect.stringMatching(/versions 1 to 1 of the protocol, this node 5 to 6: update the older/),
  })
})

test('a peer that knows the secret and ends each session without a word is told of, with what was wanted of it', async () => {
  const log = notebook()
  const member = await start({ logger: log })
  const probe = await startProbe()
  let tries = 0
  await until('it is told of', () => {
    for (const peer of probe.peers) probe.transport.hangUp(peer, 'no word', 0)
    if (probe.failures.length + probe.dialled.length === tries)
      probe.transport.dial(`try ${++tries}`, member.addresses)
    return log.lines.length > 0
  })
  expect(log.lines).toEqual([
    expect.stringMatching(
      /^no session with a node.*before the peer has said hello, wanted .* versions 1 to 1/,
    ),
  ])
})

describe('a peer that knows the secret and sends garbage', () => {
  test.each([
    ['random bytes on the control lane', 'control', randomBytes(5_000)],
    ['random bytes on the data lane', 'data', randomBytes(5_000)],
    ['a frame that is announced as too large', 'control', tooLarge()],
  ] as const)('(%s) is disconnected, counted, shut out, and harms nobody', async (_what, lane, bytes) => {
    const log = notebook()
    const member = await start({ logger: log })
    const other = await start({ seed: member })
    await member.formed(2)
    const probe = await startProbe()
    probe.transport.dial('member', member.addresses)
    await until('it is in', () => probe.peers.includes(member.id))
    probe.transport.send(member.id, lane, bytes)
    await until('it is hung up on', () => probe.downs.includes(member.id))
    expect(member.snapshot().border).toMatchObject({ violations: 1, last: { who: probe.id } })
    expect(log.lines.filter(line => line.includes('broke the protocol'))).toHaveLength(1)
    probe.transport.dial('again', member.addresses)
    await until('it is told why', () => probe.failures.length > 0)
    expect(probe.failures[0]).toEqual(['again', 'handshake', expect.stringMatching(/shut out/)])
    expect(
      member
        .members()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([member.id, other.id].toSorted())
    const counter = defineServer('counter', { init: () => ({ n: 1 }), call: { get: state => state.n } })
    await using third = await localNode({
      cluster: 'security',
      secret: 'right',
      behaviours: [counter],
      discovery: { mdns: false, seeds: [...member.addresses] },
    })
    expect(await (await third.addWorker({ run: counter })).call.get()).toBe(1)
  })
})

test('beyond the number of sessions, nobody gets in, and the ones that are there stay', async () => {
  const probe = await startProbe({ sessionsMax: 2 })
  const others = await Promise.all([startProbe(), startProbe(), startProbe()])
  for (const other of others.slice(0, 2)) other.transport.dial('in', [probe.address])
  await until('two are in', () => probe.peers.length === 2)
  others[2]?.transport.dial('out', [probe.address])
  await until('the third is told', () => (others[2]?.failures.length ?? 0) > 0)
  expect(probe.refused).toEqual([[others[2]?.id, 'there are 2 sessions already']])
  expect(probe.peers).toHaveLength(2)
})

test('a client uses the mesh and is given no work, however much there is', async () => {
  const where = defineServer('where', {
    init: context => ({ node: context.node }),
    call: { am: state => state.node },
  })
  const member = await start({ behaviours: [where] })
  const client = await start({ behaviours: [where], role: 'client', seed: member })
  await client.formed(2)
  const workers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => client.addWorker({ id: `w${n}`, run: where })),
  )
  const places = await Promise.all(workers.map(worker => worker.call.am()))
  expect(new Set(places)).toEqual(new Set([member.id]))
})

function tooLarge(): Uint8Array {
  const head = Buffer.alloc(64)
  head.writeUInt32LE(CONTROL_FRAME_BYTES_MAX + 1)
  return head
}
