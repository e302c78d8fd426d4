/** What comes from outside and must not get in: each limit, and what becomes of who breaks it. */

import { beforeEach, describe, expect, test } from 'vitest'

import { type NodeId, nodeId, slotId, specId } from '../../src/ids.ts'
import { NO_ORIGIN } from '../../src/protocol/request.ts'
import { Mailbox, MAILBOX_LIMITS } from '../../src/node/messaging/mailbox.ts'
import { type Outgoing, Session, type SessionOwner } from '../../src/node/messaging/session.ts'
import { COMPLAIN_EVERY_MS, COMPLAINTS_MAX, FAILED_DIALS_MIN, FAILED_FOR_MS } from '../../src/node/border.ts'
import { ControlLane } from '../../src/node/control-lane.ts'
import { declareChain } from '../../src/node/specs/chain-spec.ts'
import { declareGroup } from '../../src/node/specs/group-spec.ts'
import { refuseHuge } from '../../src/node/specs/size.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import type { Node } from '../../src/node/node.ts'
import { encodePayload } from '../../src/payload.ts'
import { FRAME } from '../../src/protocol/channel.ts'
import { FRAME_BYTES_MAX } from '../../src/protocol/frames.ts'
import { CHANNELS_MAX, CONTROL_MESSAGES, DISCOVERIES, HINTS, SHUT_OUT_MS } from '../../src/protocol/limits.ts'
import {
  CONTROL_FRAME_BYTES_MAX,
  CONTROL_MESSAGE_BYTES_MAX,
  type Message,
  NO_ROWS,
  PROTOCOL,
} from '../../src/protocol/messages.ts'
import { RateLimit } from '../../src/rate-limit.ts'
import { Outside, framed, probe } from './outside.ts'

let outside: Outside
let node: Node
let peer: NodeId

beforeEach(async () => {
  outside = new Outside()
  node = await outside.node()
  peer = outside.greet('peer')
})

/** Hung up on, counted, told of, and shut out for a while. */
function expectRefusal(what: 'violations' | 'floods' | 'incompatible', reason: RegExp): void {
  expect(outside.hungUp).toEqual([{ peer, reason: expect.stringMatching(reason), shutOutMs: SHUT_OUT_MS }])
  expect(node.snapshot().border).toMatchObject({
    [what]: 1,
    last: { who: peer, reason: expect.stringMatching(reason) },
  })
  expect(outside.warnings.filter(text => text.startsWith('session ended'))).toHaveLength(1)
}

describe('the control lane', () => {
  test('is open to messages: nothing is refused that is right', () => {
    outside.say(peer, probe(1))
    expect(outside.hungUp).toEqual([])
    expect(node.snapshot().border).toEqual({
      strangers: 0,
      violations: 0,
      floods: 0,
      incompatible: 0,
      hints: 0,
      discoveries: 0,
      faults: 0,
      implausible: 0,
      clocks: 0,
      oversize: 0,
      last: undefined,
    })
  })

  test('is closed by bytes that are no message', () => {
    outside.world.onBytes(peer, 'control', framed(encodePayload({ kind: 'shutdown' })))
    expectRefusal('violations', /kind: /)
  })

  test('is closed by a frame of another kind', () => {
    outside.world.onBytes(peer, 'control', framed(encodePayload(probe(1)), 3))
    expectRefusal('violations', /frame of kind 3/)
  })

  test('is closed by who does not say hello first', () => {
    outside.world.onPeerDown(peer, 'broken')
    outside.world.onPeerUp(peer)
    outside.say(peer, probe(1))
    expectRefusal('violations', /did not say hello/)
  })

  test('is closed by who says that it is somebody else', () => {
    const run = { id: nodeId('other'), boot: 1 }
    outside.say(peer, { kind: 'hello', protocol: { min: 1, max: 1 }, run, profile: 'lan', rows: NO_ROWS })
    expectRefusal('violations', /it says that it is other/)
  })

  test('is closed by a frame that is announced as larger than allowed, before it has come', () => {
    const head = Buffer.alloc(5)
    head.writeUInt32LE(CONTROL_FRAME_BYTES_MAX + 1)
    outside.world.onBytes(peer, 'control', head)
    expectRefusal('violations', /allowed are 1 to 262144/)
  })

  test('is closed by more messages than are allowed at once, and not by one less', () => {
    for (let n = 1; n < CONTROL_MESSAGES.burst; n++) outside.say(peer, probe(n))
    expect(outside.hungUp).toEqual([])
    outside.say(peer, probe(0))
    expectRefusal('floods', /more than 5000 messages a second/)
  })

  test('is closed by a node of another version of the protocol, whatever else its hello says', () => {
    const hello = { kind: 'hello', protocol: { min: 7, max: 9 }, future: true }
    outside.world.onBytes(peer, 'control', framed(encodePayload(hello)))
    expectRefusal('incompatible', /versions 7 to 9 of the protocol, this node 1 to 1: update the older one/)
  })

  test('is open to a node of another profile, which is told of', () => {
    const hello = { kind: 'hello', protocol: PROTOCOL, run: { id: peer, boot: 1 }, rows: NO_ROWS } as const
    const told = () => outside.warnings.filter(text => text.includes('profile'))
    outside.say(peer, { ...hello, profile: 'lan' })
    expect(told()).toEqual([])
    for (let n = 0; n < 2; n++) outside.say(peer, { ...hello, profile: 'wan' })
    expect(told()).toEqual([
      expect.stringMatching(/^a node has another profile: .* {"peer":"peer","profile":"wan","own":"lan"}$/),
    ])
    expect(outside.hungUp).toEqual([])
  })

  test('says nothing to a peer that is too large for it, as that would end the session', async () => {
    const sent: Uint8Array[] = []
    const refused: number[] = []
    const lane = new ControlLane({
      protocol: PROTOCOL,
      nowMs: () => 0,
      send: (_peer, bytes) => sent.push(bytes),
      onMessage: () => {},
      onOversize: (_peer, _message, bytes) => refused.push(bytes),
      onOffence: () => {},
      onEnded: () => {},
    })
    lane.onPeerUp(peer)
    const digests = (length: number): Message => ({
      kind: 'buckets',
      table: 'specs',
      digests: [''.padEnd(length)],
    })
    lane.send(peer, digests(CONTROL_MESSAGE_BYTES_MAX))
    lane.send(peer, digests(1_000))
    await Promise.resolve()
    expect(refused).toHaveLength(1)
    expect(Buffer.concat(sent).length).toBeLessThan(2_000)
  })

  test('takes a message that is larger than a frame in pieces, among others, as it was sent', async () => {
    const got: Message[] = []
    const offences: string[] = []
    const init = { protocol: PROTOCOL, nowMs: () => 0, onOversize: () => {}, onEnded: () => {} }
    const onOffence = (_peer: NodeId, _offence: string, reason: string): void => void offences.push(reason)
    const taker = new ControlLane({
      ...init,
      send: () => {},
      onMessage: (_peer, message) => got.push(message),
      onOffence,
    })
    const giver = new ControlLane({
      ...init,
      send: (_peer, bytes) => taker.onBytes(peer, bytes),
      onMessage: () => {},
      onOffence,
    })
    taker.onPeerUp(peer)
    giver.onPeerUp(peer)
    const agree = (size: number): Message => {
      // A field of a newer version: it is kept.
      const message = { kind: 'agree' as const, tables: [], more: 'x'.repeat(size) }
      return message
    }
    const sizes = [1, CONTROL_FRAME_BYTES_MAX - 20, CONTROL_FRAME_BYTES_MAX, 1_000_000, 5]
    for (const size of sizes) giver.send(peer, agree(size))
    await Promise.resolve()
    expect(offences).toEqual([])
    expect(got).toEqual(sizes.map(agree))
    // Pieces without end.
    const piece = framed(new Uint8Array(CONTROL_FRAME_BYTES_MAX / 2), 2)
    for (let times = 0; times * (CONTROL_FRAME_BYTES_MAX / 2) <= CONTROL_MESSAGE_BYTES_MAX; times++)
      taker.onBytes(peer, piece)
    expect(offences).toEqual([expect.stringMatching(/a message of more than 16777216 bytes/)])
  })
})

describe('the data lane', () => {
  test.each([
    ['a channel to nowhere', framed(encodePayload({}), FRAME.open), /channel to nowhere|too short/],
    ['a broadcast that is none', framed(encodePayload({}), FRAME.broadcast), /broadcast that cannot be read/],
    ['a frame that is empty', Buffer.from([0, 0, 0, 0, 0]), /0 bytes/],
  ])('is closed by %s', (_what, bytes, reason) => {
    outside.world.onBytes(peer, 'data', bytes)
    expectRefusal('violations', reason)
  })

  test('is closed by a frame that is announced as larger than allowed', () => {
    const head = Buffer.alloc(5)
    head.writeUInt32LE(FRAME_BYTES_MAX + 1)
    outside.world.onBytes(peer, 'data', head)
    expectRefusal('violations', /allowed are 1 to/)
  })
})

describe('a session', () => {
  const owner: SessionOwner = {
    accept: () => ({ onFrame: () => undefined }),
    onReply: () => undefined,
    onBroadcast: () => undefined,
  }
  const target = encodePayload({ kind: 'slot', slot: 's', generation: { number: 1, tag: 0 } })
  const open = (channel: number): Uint8Array => {
    const body = Buffer.alloc(4 + target.length)
    body.writeUInt32LE(channel)
    body.set(target, 4)
    return framed(body, FRAME.open)
  }
  const close = (channel: number): Uint8Array => {
    const body = Buffer.alloc(4)
    body.writeUInt32LE(channel)
    return framed(body, FRAME.close)
  }

  test('ends when a peer opens more channels than are allowed; those that it closes do not count', () => {
    const session = new Session({ peer, owner, clock: outside.clock.fork(), send: () => true })
    for (let channel = 0; channel < CHANNELS_MAX; channel++)
      expect(session.onBytes(open(channel))).toBeUndefined()
    expect(session.onBytes(open(0))).toBeUndefined()
    expect(session.onBytes(close(0))).toBeUndefined()
    expect(session.onBytes(open(CHANNELS_MAX))).toBeUndefined()
    expect(session.onBytes(open(CHANNELS_MAX + 1))).toMatch(/more than 100000 channels/)
  })

  test('says when a channel is not needed any more', async () => {
    const sent: Uint8Array[] = []
    const session = new Session({
      peer,
      owner,
      clock: outside.clock.fork(),
      send: bytes => {
        sent.push(bytes)
        return true
      },
    })
    const outgoing: Outgoing = {
      channel: 7,
      target: { kind: 'slot', slot: slotId(specId('s')), generation: { number: 1, tag: 0 } },
      onResume: () => {},
      onSettle: () => {},
      onCredit: () => {},
      onDrain: () => {},
      onReset: () => {},
      onPause: () => {},
    }
    session.open(outgoing)
    session.close(outgoing)
    session.close(outgoing)
    session.writer.flush()
    expect(Buffer.concat(sent).subarray(-9)).toEqual(Buffer.from(close(7)))
  })
})

describe('gossip and multicast', () => {
  test('more hints than are allowed are dropped and counted, and hints come through again later', async () => {
    for (let n = 0; n <= HINTS.burst + 5; n++) outside.world.onHint('rows', framed(new Uint8Array()))
    expect(node.snapshot().border.hints).toBe(HINTS.burst + 6)
    expect(outside.warnings.filter(text => text.startsWith('gossip was dropped'))).toHaveLength(1)
    expect(node.snapshot().border.last?.reason).toMatch(/more than 2000 a second/)
    await outside.clock.run(1_000)
    outside.world.onHint('rows', Buffer.from('nonsense'))
    expect(node.snapshot().border.last?.reason).toMatch(/rows that cannot be read/)
  })

  test('more nodes than a mesh has are not looked at', () => {
    const looked = Array.from({ length: DISCOVERIES.burst + 10 }, (_, n) =>
      outside.world.onDiscovered(nodeId(`n${n}`), [`/sim/n${n}`]),
    )
    expect(node.snapshot().border.discoveries).toBe(10)
    // Those are told of again when they say so again.
    expect(looked.filter(isLookedAt => !isLookedAt)).toHaveLength(10)
  })
})

test('strangers are counted each, and told of once a minute for each address, with how many there were', async () => {
  for (let n = 0; n < 100; n++) outside.world.onRefused('10.0.0.7', 'the handshake failed')
  outside.world.onRefused('10.0.0.8', 'the handshake failed')
  expect(node.snapshot().border.strangers).toBe(101)
  const told = (): string[] => outside.warnings.filter(text => text.startsWith('somebody was not let in'))
  expect(told()).toHaveLength(2)
  await outside.clock.run(COMPLAIN_EVERY_MS)
  outside.world.onRefused('10.0.0.7', 'the handshake failed')
  expect(told()[2]).toMatch(/"timesSince":99/)
})

test('of one address, each reason is told of by itself: one secret that is wrong does not hide what else comes from there', () => {
  const told = (): string[] => outside.warnings.filter(text => text.startsWith('somebody was not let in'))
  const reasons = ['another secret: give both the same', 'what it says is no handshake: it is no meshvisor']
  for (let n = 0; n < 10; n++) for (const reason of reasons) outside.world.onRefused('10.0.0.7', reason)
  expect(told().map(text => reasons.find(reason => text.includes(reason)))).toEqual(reasons)
  // What is behind the colon may be of the peer's making.
  for (let n = 0; n < 10; n++) outside.world.onRefused('10.0.0.7', `shut out for a while: frame of kind ${n}`)
  expect(told()).toHaveLength(3)
})

test('an address that does not answer is mentioned when that goes on, and once a minute', async () => {
  const told = (): string[] => outside.warnings.filter(text => text.startsWith('no session'))
  for (let n = 0; n < 3; n++) outside.world.onDialFailed('/sim/seed', 'refused', 'nobody listens there')
  expect(told()).toEqual([])
  for (let n = 0; n < 50; n++) outside.world.onDialFailed('/sim/seed', 'refused', 'nobody listens there')
  expect(told()).toHaveLength(1)
  outside.world.onDialFailed('/sim/other', 'handshake', 'another secret')
  expect(told()[1]).toMatch(/another secret/)
})

test('an address from which nothing comes back for long is mentioned with the second dial', async () => {
  const told = (): string[] => outside.warnings.filter(text => text.startsWith('no session'))
  const fail = (): void =>
    outside.world.onDialFailed('/sim/mute', 'unreachable', 'nothing has come back', 'AbortError: x')
  fail()
  await outside.clock.run(FAILED_FOR_MS)
  expect(told()).toEqual([])
  fail()
  expect(told()).toEqual([expect.stringMatching(/nothing has come back.*AbortError: x/)])
})

test('a seed that says nothing is told of within 15 seconds, and why its dial has failed when it has', async () => {
  const seed = '/ip4/127.0.0.1/tcp/7000'
  const quiet = new Outside()
  const lonely = await quiet.node({ discovery: { mdns: false, seeds: [seed] } })
  await quiet.clock.run(13_000)
  expect(quiet.warnings).toEqual([
    expect.stringMatching(/^no session with a node, .*tcp\/7000.*no answer for 10 s/),
  ])
  const formed = lonely.formed(2, { timeoutMs: 100 })
  await Promise.all([expect(formed).rejects.toThrow(`${seed}: no answer for 10 s`), quiet.clock.run(200)])
  quiet.world.onDialFailed(seed, 'unreachable', 'frozen, too busy, or no meshvisor')
  expect(quiet.warnings[1]).toMatch(/^no session with a node, .*frozen/)
  await quiet.clock.run(30_000)
  expect(quiet.warnings).toHaveLength(2)
})

test(`no more than ${COMPLAINTS_MAX} culprits and addresses are told apart: the first are forgotten`, () => {
  const told = (start: string): number => outside.warnings.filter(text => text.startsWith(start)).length
  outside.world.onRefused('10.0.0.7', 'the handshake failed')
  for (let n = 0; n < COMPLAINTS_MAX; n++) outside.world.onRefused(`10.1.0.${n}`, 'the handshake failed')
  outside.world.onRefused('10.0.0.7', 'the handshake failed')
  expect(told('somebody was not let in')).toBe(COMPLAINTS_MAX + 2)
  const fail = (address: string): void =>
    outside.world.onDialFailed(address, 'refused', 'nobody listens there')
  for (let n = 1; n < FAILED_DIALS_MIN; n++) fail('/sim/seed')
  for (let n = 0; n < COMPLAINTS_MAX; n++) fail(`/sim/other${n}`)
  fail('/sim/seed')
  expect(told('no session')).toBe(0)
})

test('a mailbox holds no more bytes of others than it may, but always one message', () => {
  const mailbox = new Mailbox()
  const letter = (bytes: number) =>
    ({ kind: 'message', message: undefined, bytes, origin: NO_ORIGIN }) as const
  expect(mailbox.put(letter(MAILBOX_LIMITS.bytes + 1))).toBe(true)
  expect(mailbox.put(letter(1))).toBe(false)
  mailbox.take()
  expect(mailbox.put(letter(MAILBOX_LIMITS.bytes))).toBe(true)
  expect(mailbox.put(letter(1))).toBe(false)
  mailbox.discard(undefined)
  expect(mailbox.put(letter(1))).toBe(true)
})

test('a rate is a burst at once, and so much a second after it', () => {
  const limit = new RateLimit({ perSecond: 10, burst: 3 }, 0)
  expect([0, 0, 0, 0].map(nowMs => limit.take(nowMs))).toEqual([true, true, true, false])
  expect([99, 100, 100, 1_000, 1_000, 1_000, 1_000].map(nowMs => limit.take(nowMs))).toEqual([
    false,
    true,
    false,
    true,
    true,
    true,
    false,
  ])
})

test('a spec that would not fit into a message is refused where it is declared', () => {
  const run = defineServer('server', { init: () => ({}) })
  const refuse = (count: number, arg: string): void => {
    const members = Array.from({ length: count }, (_, n) => ({ id: `m${n}`, run, args: [arg] }))
    refuseHuge(specId('g'), declareGroup({ id: 'g', members }).body)
  }
  expect(() => refuse(100, 'small')).not.toThrow()
  expect(() => refuse(32_768, 'small')).not.toThrow()
  expect(() => refuse(32_769, 'small')).toThrow(/has 32769 workers, and 32768 are allowed: share/)
  expect(() => refuse(150, 'x'.repeat(65_000))).toThrow(/has \d{7} bytes, the limit is/)
  const stage = defineStage('stage', (n: number) => n)
  const stages = Array.from({ length: 200 }, (_, n) => ({ id: `s${n}`, run: stage, workers: 256 }))
  const chain = declareChain({ id: 'c', stages }).body
  expect(() => refuseHuge(specId('c'), chain)).toThrow(/has 51200 workers/)
  const few = { ...chain, stages: chain.stages.slice(0, 3) }
  expect(() => refuseHuge(specId('c'), few)).not.toThrow()
})
