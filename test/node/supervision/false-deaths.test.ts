/** Who takes a member for dead that lives for those who decide: its group must not start anew until the two agree. */

import { describe, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../../src/ids.ts'
import type { CoreEvent } from '../../../src/node/events.ts'
import type { MemberRow } from '../../../src/protocol/member-row.ts'
import { NO_ROWS } from '../../../src/protocol/messages.ts'
import { GROUP, group, member, timeAt } from './core-bench.ts'
import { CoresBench } from './cores-bench.ts'

const [n1, n2, n3, n4] = [nodeId('n1'), nodeId('n2'), nodeId('n3'), nodeId('n4')]
const NODES = [n1, n2, n3, n4]
/** A storm has no end in a bench where messages take no time. */
const STARTS_MAX = 200

class Bench extends CoresBench {
  constructor() {
    super(NODES, () => {
      if (this.starts.length > STARTS_MAX) throw new Error('the group starts anew again and again')
      return undefined
    })
    const members = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(id => member(id, 'permanent'))
    const changes = [{ id: GROUP, body: group('one_for_all', members), desired: 'running' }] as const
    this.step(n3, { kind: 'specs-written', changes })
    this.pass(1_000)
  }

  row(of: NodeId, at: NodeId): MemberRow {
    const row = this.core(at).ledger.tables.members.get(of)
    if (row === undefined) throw new Error(`${at} does not know ${of}`)
    return row
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

  /** Everybody hears everybody, but for `n1` and `n4`, and whatever they say is lost. */
  idle(durationMs: number): void {
    this.nowMs += durationMs
    for (const to of NODES) this.whisper(to, { kind: 'time-passed' })
    for (const [to, core] of this.cores)
      for (const from of NODES) if (!isCut(to, from)) core.onHeard(from, this.nowMs)
  }

  /** So long that `n1` does not expect to hear of `n4` any more. */
  wait(): void {
    for (let waitedMs = 0; waitedMs < 3_500; waitedMs += 100) this.idle(100)
  }

  homes(): Set<string> {
    return new Set([...this.running].map(each => each.split(' on ')[1] ?? ''))
  }
}

function isCut(a: NodeId, b: NodeId): boolean {
  return (a === n1 && b === n4) || (a === n4 && b === n1)
}

/** A group over four nodes; `n1` and `n4` have no session, and `n1` hears nothing of `n4` any more. */
function benchWithACut(): Bench {
  const bench = new Bench()
  expect(bench.homes()).toEqual(new Set<string>(NODES))
  bench.cut(n1, n4)
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
    bench.isLost = (to, message) => to === n4 && message.kind === 'rows' && message.rows.members.length > 0
    const before = bench.starts.length
    bench.say(n1, { ...row, status: 'dead', endedMs: 0 })
    bench.pass(5)
    expect(bench.row(n4, n3)).toMatchObject({ status: 'alive', seq: row.seq })
    expect(bench.starts.length - before).toBe(8)
    // The coordinator is told again, if it has not found out by then.
    for (let waitedMs = 0; waitedMs < 1_900; waitedMs += 100) bench.idle(100)
    expect(bench.starts.length - before).toBe(8)
    bench.nowMs += 200
    bench.step(n1, { kind: 'time-passed' })
    expect(bench.starts.length - before).toBe(16)
  })
})
