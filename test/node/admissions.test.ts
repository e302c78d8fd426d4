/** Who may open channels to a chain on a node, and what is kept of those that do. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeEach, describe, expect, test, vi } from 'vitest'

import { type NodeId, nodeId, slotId, specId } from '../../src/ids.ts'
import { Admissions } from '../../src/node/chain/admissions.ts'
import { Origins } from '../../src/node/chain/origins.ts'
import { Session } from '../../src/node/messaging/session.ts'
import { Sessions } from '../../src/node/messaging/sessions.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import type { Node } from '../../src/node/node.ts'
import { encodePayload } from '../../src/payload.ts'
import {
  FRAME,
  ORIGINS_MAX,
  decodeBroadcast,
  decodeRun,
  decodeTarget,
  noticeOf,
} from '../../src/protocol/channel.ts'
import { FrameReader } from '../../src/protocol/frames.ts'
import type { Generation, PlacedSlot } from '../../src/protocol/phase.ts'
import { busyNode } from './fuzz-inputs.ts'
import { type Outside, framed } from './outside.ts'

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')

const chain = specId('c')
const to = slotId(chain, 's', 0)
const generation: Generation = { number: 1, tag: 0 }

function sessionWith(peer: NodeId): Session {
  return new Session({
    peer,
    owner: { accept: () => undefined, onReply: () => undefined, onBroadcast: () => undefined },
    clock: new VirtualClock().fork(),
    send: () => true,
  })
}

class Inlet {
  isOver = false
  detach(): void {
    this.isOver = true
  }
}

describe('a generation of a chain lets in', () => {
  const [a, b] = [nodeId('a'), nodeId('b')]
  const before = slotId(chain, 'r', 0)
  const placed: PlacedSlot = {
    slot: before,
    owner: { id: a, boot: 1 },
    since: generation,
    revision: 1,
    isNew: false,
  }
  let admissions: Admissions<Inlet>
  const origins: (NodeId | undefined)[] = []
  const make = (origin: NodeId | undefined): Inlet => {
    origins.push(origin)
    return new Inlet()
  }
  const link = (from: string) => ({ kind: 'link', chain, generation, from, to }) as const

  beforeEach(() => {
    admissions = new Admissions([placed])
    origins.length = 0
  })

  test('the node of a worker for that worker, by one way over all sessions, with items of anybody', () => {
    const first = admissions.admit(link(before), sessionWith(a), make)
    expect(first).toBeInstanceOf(Inlet)
    expect(admissions.admit(link(before), sessionWith(a), make)).toBe(first)
    const back = { kind: 'return', chain, generation, from: before, boot: 1 } as const
    expect(admissions.admit(back, sessionWith(a), make)).not.toBe(first)
    expect(origins).toEqual([undefined, undefined])
  })

  test('each node for its entrance, with items of its own', () => {
    const first = admissions.admit(link('b.7'), sessionWith(b), make)
    expect(first).toBeInstanceOf(Inlet)
    expect(admissions.admit(link('b.7'), sessionWith(b), make)).toBe(first)
    expect(origins).toEqual([b])
  })

  test.each([
    ['the worker of another node', link(before)],
    ['a worker that is nowhere', link(slotId(chain, 'r', 1))],
    ['the entrance of another node', link('a.1')],
    ['a name', link('x')],
    ['no run', link('b.')],
    ['a run that is written in another way', link('b.1e3')],
    ['outcomes of an entrance', { kind: 'return', chain, generation, from: 'b.7', boot: 1 } as const],
  ])('nobody for %s', (_, target) => {
    expect(admissions.admit(target, sessionWith(b), make)).toBeUndefined()
    expect(admissions.size).toBe(0)
  })

  test('the newest run of a node for its entrance, and no older one', () => {
    const old = admissions.admit(link('b.7'), sessionWith(b), make)
    const newer = admissions.admit(link('b.8'), sessionWith(b), make)
    expect([old?.isOver, newer?.isOver]).toEqual([true, false])
    expect(admissions.admit(link('b.7'), sessionWith(b), make)).toBeUndefined()
    expect(admissions.size).toBe(1)
  })

  test('a few runs of a node in one session', () => {
    const session = sessionWith(b)
    const admitted = Array.from({ length: 100 }, (_, n) =>
      admissions.admit(link(`b.${n + 1}`), session, make),
    )
    expect(admitted.filter(inlet => inlet !== undefined)).toHaveLength(4)
    expect(admissions.admit(link('b.101'), sessionWith(b), make)).toBeInstanceOf(Inlet)
  })
})

describe('a node', () => {
  let outside: Outside
  let node: Node
  let peer: NodeId

  beforeEach(async () => {
    ;({ outside, node } = await busyNode())
    peer = outside.join('insider')
    await outside.clock.run(500)
  })

  const say = (kind: number, ...parts: readonly Uint8Array[]): void =>
    outside.world.onBytes(peer, 'data', framed(Buffer.concat(parts), kind))
  const open = (from: string): void =>
    say(
      FRAME.open,
      Buffer.from([1, 0, 0, 0]),
      encodePayload({ kind: 'link', chain, generation: generationOf(node), from, to }),
    )
  const sayOrigin = (number: number, id: string): void =>
    say(FRAME.origin, Buffer.from([1, 0, 0, 0, number % 256, number >> 8]), encodePayload({ id, boot: 1 }))
  const answers = async (): Promise<number[]> => {
    await Promise.resolve()
    const kinds: number[] = []
    const reader = new FrameReader(frame => kinds.push(frame.kind))
    for (const { lane, bytes } of outside.sent) if (lane === 'data') reader.push(bytes)
    outside.sent.length = 0
    return kinds
  }

  test('answers to who may not feed a worker that there is none', async () => {
    open('insider.1')
    expect(await answers()).toEqual([FRAME.resume])
    for (let n = 0; n < 3; n++) open(`x${n}`)
    expect(await answers()).toEqual([FRAME.reset, FRAME.reset, FRAME.reset])
    expect(outside.hungUp).toEqual([])
  })

  test('hangs up on who puts in items of others at its entrance', () => {
    open('insider.1')
    sayOrigin(0, 'insider')
    expect(outside.hungUp).toEqual([])
    sayOrigin(1, 'other')
    expect(outside.hungUp).toMatchObject([{ reason: 'origin other, where only insider can be' }])
  })

  // Of each node that had ever come, for as long as the generation: 4 KiB and more.
  test.each(['closes its channel, and leaves', 'leaves'])('keeps no session of who %s', async how => {
    const added = vi.spyOn(Sessions.prototype, 'add')
    for (let n = 0; n < 20; n++) {
      peer = outside.join(`c${n}`)
      open(`c${n}.1`)
      expect(await answers()).toEqual([FRAME.resume])
      if (how !== 'leaves') say(FRAME.close, Buffer.from([1, 0, 0, 0]))
      outside.world.onPeerDown(peer, 'gone')
    }
    const sessions = added.mock.calls.map(([session]) => new WeakRef(session))
    added.mockRestore()
    expect(sessions).toHaveLength(20)
    await outside.clock.run(1_000)
    await new Promise(resolve => setImmediate(resolve))
    if (typeof collect === 'function') collect()
    expect(sessions.filter(session => session.deref() !== undefined).length).toBeLessThan(3)
  })

  test('hangs up on who numbers more origins than it keeps', () => {
    open('insider.1')
    sayOrigin(ORIGINS_MAX - 1, 'insider')
    expect(outside.hungUp).toEqual([])
    sayOrigin(ORIGINS_MAX, 'insider')
    expect(outside.hungUp).toHaveLength(1)
  })
})

function generationOf(node: Node): Generation {
  const phase = node.inspect().core.ledger.tables.phases.get(chain)
  if (phase === undefined) throw new Error('the chain has not started')
  return phase.generation
}

test('of what a channel leads to, and of runs, broadcasts and notices, only the known fields are taken over', () => {
  const more = { junk: 'x' }
  const loose = { ...generation, ...more }
  const run = { id: 'a', boot: 1 }
  const targets = [
    { kind: 'slot', slot: 'w', generation },
    { kind: 'link', chain: 'c', generation, from: 'x', to: 'c/s/0' },
    { kind: 'return', chain: 'c', generation, from: 'x', boot: 1 },
  ]
  for (const target of targets)
    expect(decodeTarget(encodePayload({ ...target, ...more, generation: loose }))).toEqual(target)
  expect(decodeRun(encodePayload({ ...run, ...more }))).toEqual(run)
  const broadcast = { group: 'g', generation, sender: run, n: 1, message: more }
  const sent = { ...broadcast, ...more, generation: loose, sender: { ...run, ...more } }
  expect(decodeBroadcast(encodePayload(sent))).toEqual(broadcast)
  const failure = { name: 'Error', message: 'no', slot: 'c/s/0', node: 'a' }
  const notice = { kind: 'dead', stage: 's', itemId: 'a.1.1', failure, attempts: 1 }
  expect(noticeOf({ ...notice, ...more })?.stage).toBe('s')
  expect(noticeOf({ ...notice, ...more })).not.toHaveProperty('junk')
})

test('a run is one object for as long as somebody has it, and those that nobody has are forgotten', async () => {
  const origins = new Origins()
  const used = origins.intern({ id: nodeId('used'), boot: 1 })
  for (let round = 0; round < 10; round++) {
    for (let boot = 0; boot < 1_000; boot++) origins.intern({ id: nodeId('a'), boot: round * 1_000 + boot })
    // What is looked at in a turn is kept until its end.
    await new Promise(resolve => setImmediate(resolve))
    if (typeof collect === 'function') collect()
  }
  expect(origins.size).toBeLessThan(5_000)
  expect(origins.intern({ id: nodeId('used'), boot: 1 })).toBe(used)
})
