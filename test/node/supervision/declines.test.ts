/** What becomes of workers that a node cannot even begin to start: its behaviour, its thread or its process is missing. */

import { describe, expect, test } from 'vitest'

import { type NodeId, type SlotId, nodeId, slotId, specId } from '../../../src/ids.ts'
import { DECLINE_MS, DECLINE_MS_MAX } from '../../../src/node/supervision/declines.ts'
import type { Exit } from '../../../src/node/supervision/exit.ts'
import { restartPart, withMember } from '../../../src/node/specs/edits.ts'
import { DECLINES_MAX } from '../../../src/protocol/member-row.ts'
import { NO_ROWS } from '../../../src/protocol/messages.ts'
import { rowOf } from '../../../src/protocol/spec-join.ts'
import {
  CHAIN_STRATEGIES,
  GROUP_STRATEGIES,
  type GroupBody,
  type SpecBody,
  type SpecRow,
  type StageBody,
  type WorkerBody,
} from '../../../src/protocol/spec-row.ts'
import { CoresBench } from './cores-bench.ts'
import { group, member } from './core-bench.ts'

const NODES = ['n1', 'n2', 'n3']
const N1 = nodeId('n1')

/** Nodes that can start nothing. */
class Bench extends CoresBench {
  readonly unable: Set<string>

  constructor(unable: Set<string>) {
    super(NODES, (slot, node) => (unable.has(node) ? unableAt(slot, node) : undefined))
    this.unable = unable
  }

  declare(id: string, body: SpecBody | undefined): void {
    const desired = body === undefined ? 'stopped' : 'running'
    this.step(N1, { kind: 'specs-written', changes: [{ id: specId(id), body, desired }] })
  }

  row(id: string): SpecRow {
    const row = this.core('n1').ledger.tables.specs.get(specId(id))
    if (row === undefined) throw new Error(`there is no ${id}`)
    return row
  }

  edit(id: string, edit: (body: GroupBody) => SpecBody): void {
    const base = this.row(id)
    const change = { id: specId(id), body: edit(groupOf(base)), desired: base.desired, base }
    this.step(N1, { kind: 'specs-written', changes: [change] })
  }

  status(id: string) {
    return this.core('n1').statusOf(specId(id))
  }

  declines(node: string): readonly SlotId[] {
    return this.core(node).self.declines ?? []
  }

  /** The nodes of the workers that run of a spec. */
  homes(id: string): string[] {
    return [...this.running].filter(each => each.startsWith(id)).map(each => each.split(' on ')[1] ?? '')
  }
}

function unableAt(slot: SlotId, node: NodeId): Exit {
  return {
    kind: 'unable',
    failure: { name: 'IsolationError', message: 'no thread can be made', node, slot },
  }
}

const child = member('x', 'permanent').child
const worker = (restart: 'permanent' | 'temporary' = 'permanent'): WorkerBody => ({
  kind: 'worker',
  child: { ...child, restart },
  intensity: { restarts: 0, withinMs: 60_000 },
  rebalance: 'passive',
})

function chain(strategy: (typeof CHAIN_STRATEGIES)[number]): SpecBody {
  const stage = (id: string): StageBody => ({
    id,
    child,
    revision: 1,
    isStopped: false,
    workers: 3,
    emission: 'maybe',
    route: 'least-debt',
    onItemError: 'crash',
    queueItems: 16,
  })
  return {
    kind: 'chain',
    strategy,
    intensity: { restarts: 0, withinMs: 60_000 },
    revision: 1,
    stages: [stage('one'), stage('two')],
    emission: 'maybe',
    windowItems: 16,
    attemptsMax: 3,
  }
}

describe('a node that is unable to start anything', () => {
  test.each(['permanent', 'temporary'] as const)(
    'gives a %s worker on at its first start, and it is counted against nobody',
    restart => {
      const bench = new Bench(new Set(['n2']))
      for (let index = 0; index < 9; index++) bench.declare(`w${index}`, worker(restart))
      bench.pass(2_000)
      const tried = bench.starts.filter(start => start.endsWith('on n2'))
      expect(tried.length).toBeGreaterThan(0)
      expect(bench.declines('n2')).toEqual(tried.map(start => start.split(' ')[0]).toSorted())
      for (let index = 0; index < 9; index++) {
        expect(bench.status(`w${index}`)).toEqual({ kind: 'running' })
        expect(bench.homes(`w${index}`)).not.toContain('n2')
        const claim = bench.core('n1').ledger.tables.claims.get(slotId(specId(`w${index}`)))
        expect(claim?.restarts).toEqual([])
      }
    },
  )

  test.each(GROUP_STRATEGIES)('has a group go on elsewhere, with nothing counted: %s', strategy => {
    const bench = new Bench(new Set(['n2']))
    const members = ['a', 'b', 'c', 'd', 'e', 'f'].map(id => member(id, 'permanent'))
    bench.declare('g', group(strategy, members, { intensity: { restarts: 0, withinMs: 60_000 } }))
    bench.pass(5_000)
    expect(bench.status('g')).toEqual({ kind: 'running' })
    expect(bench.homes('g')).toHaveLength(members.length)
    expect(bench.homes('g')).not.toContain('n2')
    expect(bench.core('n1').ledger.tables.phases.get(specId('g'))?.restarts).toEqual([])
  })

  test.each(CHAIN_STRATEGIES)('has a chain go on elsewhere, with nothing counted: %s', strategy => {
    const bench = new Bench(new Set(['n3']))
    bench.declare('c', chain(strategy))
    bench.pass(5_000)
    expect(bench.status('c')).toEqual({ kind: 'running' })
    expect(bench.homes('c')).toHaveLength(6)
    expect(bench.homes('c')).not.toContain('n3')
  })

  test('is no way around an error of the caller: where all are unable, the first start has failed', () => {
    const bench = new Bench(new Set(NODES))
    bench.declare('w', worker())
    bench.declare('g', group('one_for_all', [member('a', 'permanent')]))
    bench.pass(60_000)
    expect(bench.status('w')).toMatchObject({ kind: 'gave-up', failure: { name: 'IsolationError' } })
    expect(bench.status('g')).toMatchObject({ kind: 'failed', failure: { name: 'IsolationError' } })
    expect(bench.starts.filter(start => start.startsWith('w')).length).toBe(NODES.length)
    // The last one has nobody to leave it to.
    const declined = bench.events.filter(({ kind }) => kind === 'worker:decline')
    expect(declined.length).toBe(2 * (NODES.length - 1))
  })

  test('declines a bounded number of slots, for a bounded time', () => {
    const bench = new Bench(new Set(['n2']))
    const ids = Array.from({ length: 4 * DECLINES_MAX }, (_, index) => `w${index}`)
    for (const id of ids) bench.declare(id, worker())
    bench.pass(5_000)
    expect(bench.declines('n2').length).toBe(DECLINES_MAX)
    for (const { declines } of bench.core('n1').ledger.tables.members.rows())
      expect(declines?.length ?? 0).toBeLessThanOrEqual(DECLINES_MAX)
    const forMs = bench.events.flatMap(event => (event.kind === 'worker:decline' ? [event.forMs] : []))
    expect(new Set(forMs)).toEqual(new Set([DECLINE_MS]))
    bench.unable.clear()
    bench.pass(DECLINE_MS)
    expect(bench.declines('n2')).toEqual([])
    // The rest is as on a lone node: a first start that fails is an error of whoever has declared it.
    const kinds = ids.map(id => bench.status(id)?.kind)
    expect(new Set(kinds)).toEqual(new Set(['running', 'failed']))
    expect(bench.starts.filter(start => start.endsWith('n2')).length).toBe(
      DECLINES_MAX + kinds.filter(kind => kind === 'failed').length,
    )
  })

  test('declines for twice as long each time, up to an hour', () => {
    const bench = new Bench(new Set(['n2']))
    for (let index = 0; index < 9; index++) bench.declare(`w${index}`, { ...worker(), rebalance: 'active' })
    bench.pass(6 * DECLINE_MS_MAX)
    const [slot] = bench.declines('n2')
    const forMs = bench.events.flatMap(event =>
      event.kind === 'worker:decline' && event.slot === slot ? [event.forMs / DECLINE_MS] : [],
    )
    expect(forMs.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, DECLINE_MS_MAX / DECLINE_MS, 60])
    expect(bench.homes(slot ?? '')).not.toContain('n2')
  })

  test('declines nothing of what is removed, or declared anew', () => {
    const bench = new Bench(new Set(['n2']))
    for (let index = 0; index < 9; index++) bench.declare(`w${index}`, worker())
    bench.pass(2_000)
    const [first, second] = bench.declines('n2')
    bench.unable.clear()
    bench.declare(first ?? '', undefined)
    bench.declare(second ?? '', { ...worker(), rebalance: 'active' })
    bench.pass(10_000)
    expect(bench.declines('n2')).not.toContain(first)
    expect(bench.declines('n2')).not.toContain(second)
    expect(bench.homes(second ?? '')).toEqual(['n2'])
  })

  test('declines a member also when a sibling is added', () => {
    const bench = new Bench(new Set(['n2']))
    bench.declare('g', group('one_for_one', SIX))
    bench.pass(2_000)
    const declined = bench.declines('n2')
    expect(declined.length).toBeGreaterThan(0)
    bench.edit('g', body => withMember(body, member('z', 'permanent')))
    bench.pass(2_000)
    expect(bench.declines('n2')).toEqual(expect.arrayContaining([...declined]))
  })

  test('takes a member back that somebody starts anew who has not heard of a later change of the group', () => {
    const bench = new Bench(new Set())
    bench.declare('g', group('one_for_one', SIX))
    const before = bench.row('g')
    bench.edit('g', body => withMember(body, member('z', 'permanent')))
    bench.pass(2_000)
    bench.unable.add('n2')
    bench.step(nodeId('n3'), { kind: 'drain-asked', isDraining: true })
    bench.pass(5_000)
    const [declined = ''] = bench.declines('n2')
    const [, name = ''] = declined.split('/')
    bench.unable.clear()
    const { ms, count, node } = before.version
    const restarted = rowOf(
      { ...before, base: before, body: restartPart(groupOf(before), name, 7) },
      { ms, count: count + 1, node },
      before.version,
    )
    const { version } = bench.row('g')
    bench.step(nodeId('n2'), { kind: 'hint-received', rows: { ...NO_ROWS, specs: [restarted] } })
    const row = bench.core('n2').ledger.tables.specs.get(specId('g'))
    expect(row?.version).toEqual(version)
    expect(row && groupOf(row).members.find(({ id }) => id === name)?.revision).toBe(7)
    expect(bench.declines('n2')).not.toContain(declined)
  })
})

const SIX = ['a', 'b', 'c', 'd', 'e', 'f'].map(id => member(id, 'permanent'))

function groupOf({ body }: SpecRow): GroupBody {
  if (body?.kind !== 'group') throw new Error('no group')
  return body
}
