/** Nodes that start together and greet each other, while the dial to a mesh that runs is still under way. */

import { expect, test } from 'vitest'

import { type NodeId, nodeId, specId } from '../../src/ids.ts'
import type { Core } from '../../src/node/core.ts'
import type { CoreEvent } from '../../src/node/events.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { STANDALONE, coreOf, timeAt } from './supervision/core-bench.ts'

const { joinAloneMs, joinSyncMs } = LAN_TIMINGS
const SPEC = specId('w')
/** Where `m` listens. */
const SEED = '/ip4/10.0.0.1/tcp/7000'
const REFUSED = { kind: 'dial-failed', key: SEED, failure: 'refused', reason: 'nobody listens' } as const

/** `a`, `b` and `c` start; `m` has run for long, and knows of a spec. What they say comes at once. */
class Start {
  nowMs = joinAloneMs + 1
  readonly #cores = new Map<NodeId, Core>()
  /** `a knows w`: what was known to whoever took part, in the moment in which it did. */
  readonly joined: string[] = []

  constructor() {
    this.#cores.set(nodeId('m'), coreOf(nodeId('m'), 0))
    this.step('m', { kind: 'time-passed' })
    const write = { id: SPEC, body: STANDALONE, desired: 'running' } as const
    this.step('m', { kind: 'specs-written', changes: [write] })
    for (const name of ['a', 'b', 'c']) this.#cores.set(nodeId(name), coreOf(nodeId(name), this.nowMs))
    this.joined.length = 0
  }

  core(name: string): Core {
    const core = this.#cores.get(nodeId(name))
    if (core === undefined) throw new Error(`no node ${name}`)
    return core
  }

  step(name: string, event: CoreEvent): void {
    const core = this.core(name)
    const wasJoining = isJoining(core)
    const effects = core.step(event, timeAt(this.nowMs))
    const knows = core.ledger.tables.specs.get(SPEC) === undefined ? 'nothing' : SPEC
    if (wasJoining && !isJoining(core)) this.joined.push(`${name} knows ${knows}`)
    for (const effect of effects)
      if (effect.kind === 'send')
        this.step(effect.to, { kind: 'message-received', from: core.self.id, message: effect.message })
  }

  /** Something happens to several at once. */
  all(names: readonly string[], event: CoreEvent): void {
    for (const name of names) this.step(name, event)
  }

  /** A session opens. */
  meet(one: string, other: string): void {
    const [a, b] = [this.core(one), this.core(other)]
    const ups = [
      { to: one, effects: a.step({ kind: 'peer-up', peer: b.self.id }, timeAt(this.nowMs)) },
      { to: other, effects: b.step({ kind: 'peer-up', peer: a.self.id }, timeAt(this.nowMs)) },
    ]
    for (const { to, effects } of ups)
      for (const effect of effects)
        if (effect.kind === 'send')
          this.step(effect.to, { kind: 'message-received', from: nodeId(to), message: effect.message })
  }

  /** When `name` takes part, if nothing happens but that time passes. */
  joinsAtMs(name: string): number {
    for (; isJoining(this.core(name)); this.nowMs += 10) this.step(name, { kind: 'time-passed' })
    return this.nowMs - 10
  }
}

function isJoining(core: Core): boolean {
  return core.self.status === 'joining'
}

test('two that dial a mesh wait for it, though neither lacks anything that the other has', () => {
  const start = new Start()
  start.all(['a', 'b'], { kind: 'seed-added', address: SEED })
  start.meet('a', 'b')
  expect(start.joined).toEqual([])
  start.step('a', { kind: 'peer-dialled', key: SEED, peer: nodeId('m') })
  start.meet('a', 'm')
  // b hears of it from a.
  expect(start.joined).toEqual(['a knows w', 'b knows w'])
})

test('so does one that dials nobody, as long as the one that it has met does', () => {
  const start = new Start()
  start.step('a', { kind: 'seed-added', address: SEED })
  start.meet('a', 'b')
  expect(start.joined).toEqual([])
  start.meet('a', 'm')
  expect(start.joined).toEqual(['a knows w', 'b knows w'])
})

test.each([
  [['ab', 'ac', 'bc'], 'all have met'],
  [['ab', 'bc'], 'one of them has only heard of the one that dials'],
])('so do all that know of one that does: %j, %s', (meetings, _what) => {
  const start = new Start()
  start.step('a', { kind: 'seed-added', address: SEED })
  for (const [one = '', other = ''] of meetings) start.meet(one, other)
  expect(start.joined).toEqual([])
  start.meet('a', 'm')
  expect(start.joined.toSorted()).toEqual(['a knows w', 'b knows w', 'c knows w'])
})

test('where it dials in vain, all of them are the first ones at once', () => {
  const start = new Start()
  start.step('a', { kind: 'seed-added', address: SEED })
  start.meet('a', 'b')
  start.meet('b', 'c')
  start.step('a', REFUSED)
  expect(start.joined.toSorted()).toEqual(['a knows nothing', 'b knows nothing', 'c knows nothing'])
})

test('one that dials, and dies, holds up nobody for ever', () => {
  const start = new Start()
  const { nowMs } = start
  start.step('a', { kind: 'seed-added', address: SEED })
  start.meet('a', 'b')
  start.meet('b', 'c')
  start.step('b', { kind: 'peer-down', peer: nodeId('a') })
  expect(start.joinsAtMs('b') - nowMs).toBeLessThanOrEqual(joinSyncMs + 10)
  expect(start.joined.toSorted()).toEqual(['b knows nothing', 'c knows nothing'])
})

test('where nobody answers, they are the first ones as soon as the last of them knows', () => {
  const start = new Start()
  start.all(['a', 'b'], { kind: 'seed-added', address: SEED })
  start.meet('a', 'b')
  start.step('a', REFUSED)
  expect(start.joined).toEqual([])
  start.step('b', REFUSED)
  expect(start.joined.toSorted()).toEqual(['a knows nothing', 'b knows nothing'])
})

test('where nothing comes of it, they do not wait for ever', () => {
  const start = new Start()
  const { nowMs } = start
  start.all(['a', 'b'], { kind: 'seed-added', address: SEED })
  start.meet('a', 'b')
  const tookMs = start.joinsAtMs('a') - nowMs
  expect(tookMs).toBeGreaterThan(joinSyncMs - 10)
  expect(tookMs).toBeLessThanOrEqual(joinSyncMs + 10)
  expect(start.joined.toSorted()).toEqual(['a knows nothing', 'b knows nothing'])
})

test('a wholly new mesh, in which nobody dials anybody any more, is one at once', () => {
  const start = new Start()
  start.meet('a', 'b')
  expect(start.joined.toSorted()).toEqual(['a knows nothing', 'b knows nothing'])
})

test('where the one who took part has gone, they are the first ones at once', () => {
  const start = new Start()
  const { self } = start.core('m')
  start.all(['b', 'c'], { kind: 'hint-received', rows: { ...NO_ROWS, members: [self] } })
  start.meet('b', 'c')
  const left = { ...self, status: 'left', endedMs: timeAt(start.nowMs).wallMs } as const
  expect(start.joined).toEqual([])
  start.step('b', { kind: 'hint-received', rows: { ...NO_ROWS, members: [left] } })
  expect(start.joined.toSorted()).toEqual(['b knows nothing', 'c knows nothing'])
})

test('who has heard of somebody who takes part waits for the word of one who does', () => {
  const start = new Start()
  const members = [start.core('m').self]
  start.all(['b', 'c'], { kind: 'hint-received', rows: { ...NO_ROWS, members } })
  start.meet('b', 'c')
  expect(start.joined).toEqual([])
  start.meet('c', 'm')
  expect(start.joined).toEqual(['c knows w', 'b knows w'])
})
