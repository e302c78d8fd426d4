/** Who takes a member for dead that lives for those who decide: its group must not start anew until the two agree. */

import { describe, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../../src/ids.ts'
import type { CoreEvent } from '../../../src/node/events.ts'
import type { MemberRow } from '../../../src/protocol/member-row.ts'
import { NO_ROWS } from '../../../src/protocol/messages.ts'
import type { Phase } from '../../../src/protocol/phase.ts'
import type { GroupStrategy } from '../../../src/protocol/spec-row.ts'
import { PROFILES, type Profile, TIMINGS, suspicionRangeMs } from '../../../src/protocol/timings.ts'
import { GROUP, group, member, timeAt } from './core-bench.ts'
import { CoresBench } from './cores-bench.ts'

const [n1, n2, n3, n4] = [nodeId('n1'), nodeId('n2'), nodeId('n3'), nodeId('n4')]
const NODES = [n1, n2, n3, n4]
const SIX = [...NODES, nodeId('n5'), nodeId('n6')]
const STRATEGIES = ['one_for_all', 'rest_for_one'] as const
/** Of each member: a storm has no end in a bench where messages take no time. */
const STARTS_MAX = 25

interface BenchInit {
  /** The first one believes what is not so. */
  readonly nodes?: readonly NodeId[]
  /** Whom it does not hear. */
  readonly unheard?: readonly NodeId[]
  readonly strategy?: GroupStrategy
  readonly memberCount?: number
  readonly profile?: Profile
}

class Bench extends CoresBench {
  readonly believer: NodeId
  readonly periodMs: number
  readonly #unheard: readonly NodeId[]
  #killed: NodeId | undefined

  constructor(init: BenchInit) {
    const { nodes = NODES, unheard = [n4], strategy = 'one_for_all', memberCount = 8, profile = 'lan' } = init
    const refuse = (): undefined => {
      if (this.starts.length > STARTS_MAX * memberCount)
        throw new Error('the group starts anew again and again')
    }
    super(nodes, refuse, TIMINGS[profile])
    this.periodMs = TIMINGS[profile].probePeriodMs
    const [believer = n1, , writer = n3] = nodes
    this.believer = believer
    this.#unheard = unheard
    const members = Array.from({ length: memberCount }, (_, index) => member(`m${index}`, 'permanent'))
    const changes = [{ id: GROUP, body: group(strategy, members), desired: 'running' }] as const
    this.step(writer, { kind: 'specs-written', changes })
    this.pass(1_000)
  }

  /** How many generations there have been, as whoever believes what is not so has it. */
  get generation(): number {
    return this.phase.generation.number
  }

  get phase(): Phase {
    return this.phaseAt(this.believer)
  }

  phaseAt(id: NodeId): Phase {
    const phase = this.core(id).ledger.tables.phases.get(GROUP)
    if (phase === undefined) throw new Error(`${id} does not know the group`)
    return phase
  }

  row(of: NodeId, at: NodeId): MemberRow {
    const row = this.core(at).ledger.tables.members.get(of)
    if (row === undefined) throw new Error(`${at} does not know ${of}`)
    return row
  }

  /** Whose workers have been called lost in the generation that counts: each once. */
  saidLost(): NodeId[] {
    return [...new Set(this.phase.exits.map(({ failure }) => failure.node))]
  }

  say(to: NodeId, row: MemberRow): void {
    this.step(to, { kind: 'hint-received', rows: { ...NO_ROWS, members: [row] } })
  }

  /** Whatever the node would tell others of that is lost. */
  whisper(to: NodeId, event: CoreEvent): void {
    this.core(to).step(event, timeAt(this.nowMs))
  }

  cut(a: NodeId, b: NodeId): void {
    const down = (peer: NodeId): CoreEvent => ({ kind: 'peer-down', peer })
    this.step(a, down(b))
    this.step(b, down(a))
  }

  /** The process is gone, and nobody hears anything of it any more. */
  kill(id: NodeId): void {
    this.#killed = id
    const { isLost } = this
    this.isLost = (to, message) => to === id || isLost(to, message)
  }

  /** Everybody hears everybody, but for the believer and those whom it does not hear; and whatever they say is lost. */
  idle(durationMs: number): void {
    const alive = [...this.cores.keys()].filter(id => id !== this.#killed)
    this.#idle(durationMs, alive)
  }

  #idle(durationMs: number, nodes: readonly NodeId[]): void {
    this.nowMs += durationMs
    for (const to of nodes) this.whisper(to, { kind: 'time-passed' })
    for (const [to, core] of this.cores)
      for (const from of this.cores.keys()) if (!this.#isCut(to, from)) core.onHeard(from, this.nowMs)
  }

  /** So long that the believer does not expect any more to hear of those whom it does not hear. */
  wait(): void {
    for (let tenths = 0; tenths < 70; tenths++) this.idle(this.periodMs / 10)
  }

  /** The same, but what the believer says is heard. */
  passThere(durationMs: number): void {
    const others = [...this.cores.keys()].filter(id => id !== this.believer && id !== this.#killed)
    this.#idle(durationMs, others)
    this.step(this.believer, { kind: 'time-passed' })
  }

  /** Nobody can ask those whom the believer does not hear, nor tell them what is said of them. */
  silence(): void {
    this.isLost = (to, message) =>
      this.#unheard.includes(to) && message.kind === 'rows' && message.rows.members.length > 0
  }

  homes(): Set<string> {
    return new Set([...this.running].map(each => each.split(' on ')[1] ?? ''))
  }

  #isCut(a: NodeId, b: NodeId): boolean {
    if (this.#killed === a || this.#killed === b) return true
    const { believer } = this
    return (a === believer && this.#unheard.includes(b)) || (b === believer && this.#unheard.includes(a))
  }
}

/** A group over all nodes; the first has no session with some, by default `n4`, and hears nothing of them any more. */
function benchWithACut(init: BenchInit = {}): Bench {
  const { nodes = NODES, unheard = [n4] } = init
  const bench = new Bench(init)
  expect(bench.homes()).toEqual(new Set<string>(nodes))
  for (const id of unheard) bench.cut(bench.believer, id)
  expect(bench.phase.coordinator.id).not.toBe(bench.believer)
  return bench
}

describe('a holder takes a member for dead that lives for the coordinator', () => {
  test.each(['has refuted that already', 'has not heard of it yet'])('and %s', how => {
    const bench = benchWithACut()
    const row = bench.row(n4, n1)
    const isRefuted = how === 'has refuted that already'
    // Whether somebody is suspect, and is not any more, is passed on by probes only.
    const suspect: MemberRow = { ...row, status: 'suspect' }
    const rows = { ...NO_ROWS, members: [suspect] }
    for (const to of [n2, n3]) bench.whisper(to, { kind: 'hint-received', rows })
    if (isRefuted) bench.say(n4, suspect)
    expect(bench.row(n4, n1)).toEqual(row)
    expect(bench.row(n4, n3).seq - row.seq).toBe(Number(isRefuted))
    const before = bench.starts.length
    bench.wait()
    bench.say(n1, { ...row, status: 'dead', endedMs: 0 })
    bench.pass(5)
    for (const at of NODES) expect(bench.row(n4, at)).toMatchObject({ status: 'alive', seq: row.seq + 1 })
    expect(bench.running.size).toBe(8)
    expect(bench.homes()).toEqual(new Set<string>(NODES))
    expect(bench.starts.length - before).toBeLessThanOrEqual(3 * 8)
  })

  test('and says so only now and then, while nobody can ask that member', () => {
    const bench = benchWithACut()
    const row = bench.row(n4, n1)
    bench.wait()
    bench.silence()
    const before = bench.starts.length
    bench.say(n1, { ...row, status: 'dead', endedMs: 0 })
    bench.pass(5)
    expect(bench.row(n4, n3)).toMatchObject({ status: 'alive', seq: row.seq })
    expect(bench.starts.length - before).toBe(8)
    // The coordinator is told again, if it has not found out by then.
    for (let waitedMs = 0; waitedMs < 1_900; waitedMs += 100) bench.idle(100)
    expect(bench.starts.length - before).toBe(8)
    bench.passThere(200)
    expect(bench.starts.length - before).toBe(16)
  })
})

const TWO = SIX.slice(3, 5)
const THREE = SIX.slice(3)

describe('a holder takes several members for dead at once that live for the coordinator, and cannot be asked', () => {
  // Of a generation, the exits of sixteen workers are in the next one.
  const cases = [TWO, THREE].flatMap(unheard =>
    STRATEGIES.flatMap(strategy => [24, 120].map(memberCount => ({ unheard, strategy, memberCount }))),
  )
  const dead = (row: MemberRow): MemberRow => ({ ...row, status: 'dead', endedMs: 0 })

  test.each(cases)('$unheard of $memberCount $strategy, one after the other', init => {
    const bench = benchWithACut({ nodes: SIX, ...init })
    const rows = init.unheard.map(id => bench.row(id, n1))
    bench.wait()
    bench.silence()
    const before = bench.generation
    for (const row of rows) {
      bench.say(n1, dead(row))
      bench.passThere(100)
    }
    for (let waitedMs = 100 * rows.length; waitedMs < 1_900; waitedMs += 100) bench.passThere(100)
    expect(bench.generation - before).toBe(rows.length)
    for (const { id } of rows) expect(bench.row(id, n3).status).not.toBe('dead')
  })

  test.each(cases)('$unheard of $memberCount $strategy, by one word', init => {
    const bench = benchWithACut({ nodes: SIX, ...init })
    const members = init.unheard.map(id => dead(bench.row(id, n1)))
    bench.wait()
    bench.silence()
    const before = bench.generation
    bench.step(n1, { kind: 'hint-received', rows: { ...NO_ROWS, members } })
    for (let waitedMs = 0; waitedMs < 1_900; waitedMs += 100) bench.passThere(100)
    expect(bench.generation - before).toBe(1)
  })
})

describe('a holder takes the coordinator for dead, and decides then', () => {
  // Of two generations of one number, that of `n5` counts.
  const nodes = ['bd', 'n2', 'ca', 'n4', 'n5'].map(nodeId)
  const [believer = n1, , friend = n3, , coordinator = n4] = nodes
  const unheard = nodes.filter(id => id !== believer && id !== friend)

  function benchWithTwo(): { readonly bench: Bench; readonly members: readonly MemberRow[] } {
    const bench = benchWithACut({ nodes, unheard, memberCount: 24 })
    expect(bench.phase.coordinator.id).toBe(coordinator)
    const members = unheard.map((id): MemberRow => ({
      ...bench.row(id, believer),
      status: 'dead',
      endedMs: 0,
    }))
    bench.wait()
    bench.silence()
    return { bench, members }
  }

  test('where it lives, and does so as well, neither overrules the other again and again', () => {
    const { bench, members } = benchWithTwo()
    const before = bench.generation
    bench.step(believer, { kind: 'hint-received', rows: { ...NO_ROWS, members } })
    expect(bench.core(believer).ledger.isCoordinator(GROUP)).toBe(true)
    for (let waitedMs = 0; waitedMs < 1_900; waitedMs += 100) bench.passThere(100)
    expect(bench.generation - before).toBe(2)
    expect(bench.phase.coordinator.id).toBe(coordinator)
  })

  test('where it is dead, what it has made last comes late, and is overruled at once', () => {
    const { bench, members } = benchWithTwo()
    const { phase } = bench
    bench.kill(coordinator)
    bench.step(believer, { kind: 'hint-received', rows: { ...NO_ROWS, members } })
    expect(bench.phase.coordinator.id).toBe(believer)
    const { number, tag } = phase.generation
    const generation = { number: number + 2, tag }
    const layout = phase.layout.map(placed => ({ ...placed, since: generation }))
    const pending = layout.map(({ slot }) => slot).toSorted()
    const late: Phase = { ...phase, generation, layout, pending, rank: 'starting', ready: [] }
    const rows = { ...NO_ROWS, phases: [late] }
    bench.step(believer, { kind: 'message-received', from: friend, message: { kind: 'rows', rows } })
    expect(bench.generation).toBe(number + 3)
    expect(bench.phase.coordinator.id).toBe(believer)
  })
})

describe('a member that was taken for dead falsely', () => {
  /** `n1` has told the coordinator of the end of `n4`, which has got the same again. */
  function benchAfter(profile: Profile = 'lan'): { readonly bench: Bench; readonly row: MemberRow } {
    const bench = benchWithACut({ profile })
    const row = bench.row(n4, n1)
    bench.wait()
    bench.silence()
    bench.say(n1, { ...row, status: 'dead', endedMs: 0 })
    expect(bench.homes()).toEqual(new Set<string>(NODES))
    return { bench, row }
  }

  const deaths = PROFILES.flatMap(profile => [0.2, 1.8].map(periods => ({ profile, periods })))

  test.each(deaths)(
    '$profile: and dies $periods periods later gives way when a suspicion is over that begins after four',
    ({ profile, periods }) => {
      const { bench } = benchAfter(profile)
      const stepMs = bench.periodMs / 10
      const passUntil = (untilPeriods: number): void => {
        while (bench.nowMs - toldMs < untilPeriods * bench.periodMs - stepMs / 2) bench.passThere(stepMs)
      }
      const toldMs = bench.nowMs
      passUntil(periods)
      expect(bench.phase.layout.map(({ owner }) => owner.id)).toContain(n4)
      bench.kill(n4)
      // Who decides is told once more by then, and suspects it, if it has not found out itself.
      const { coordinator } = bench.phase
      const [suspicionMs] = suspicionRangeMs(TIMINGS[profile], NODES.length)
      passUntil(4 + suspicionMs / bench.periodMs)
      expect(bench.row(n4, coordinator.id).status).toBe('dead')
      expect(bench.phaseAt(coordinator.id).layout.map(({ owner }) => owner.id)).not.toContain(n4)
    },
  )

  test('and has said that it lives, and dies then, is told of at once', () => {
    const { bench, row } = benchAfter()
    bench.passThere(100)
    const living: MemberRow = { ...row, seq: row.seq + 1 }
    for (const to of [n1, n2, n3]) bench.say(to, living)
    bench.kill(n4)
    expect(bench.saidLost()).toEqual([])
    bench.say(n1, { ...living, status: 'dead', endedMs: 0 })
    expect(bench.saidLost()).toEqual([n4])
  })

  test('and dies as a new run is told of at once', () => {
    const { bench, row } = benchAfter()
    bench.kill(n4)
    const renewed: MemberRow = { ...row, boot: row.boot + 1, seq: 1 }
    for (const to of [n1, n2, n3]) bench.say(to, renewed)
    expect(bench.phase.layout.map(({ owner }) => owner)).toContainEqual({ id: n4, boot: renewed.boot })
    expect(bench.saidLost()).toEqual([])
    bench.say(n1, { ...renewed, status: 'dead', endedMs: 0 })
    expect(bench.saidLost()).toEqual([n4])
  })
})
