/** The supervisor by itself. */

import { expect, test } from 'vitest'

import { slotId, specId } from '../../../src/ids.ts'
import {
  type Assignment,
  Supervisor,
  type SupervisorEffect,
} from '../../../src/node/supervision/supervisor.ts'
import { member } from './core-bench.ts'

const GROUP = specId('g')

test('ten thousand workers that are not waited for stop at once, last one first', () => {
  const effects: SupervisorEffect[] = []
  const ended: string[] = []
  const supervisor = new Supervisor(
    effect => effects.push(effect),
    report => {
      if (report.kind === 'exited') ended.push(report.assignment.slot)
    },
  )
  const { child } = member('m', 'permanent')
  const assignments = Array.from({ length: 10_000 }, (_, index): Assignment => ({
    slot: slotId(GROUP, `m${index}`),
    spec: GROUP,
    child: { ...child, stopTimeoutMs: 0 },
    token: { lineage: 0, generation: 1, tag: 1, owner: 1 },
    key: '1',
  }))
  supervisor.assign(GROUP, assignments, 0)
  for (let effect = effects.shift(); effect !== undefined; effect = effects.shift()) {
    if (effect.kind === 'start-worker') supervisor.onStarted(effect.assignment.slot, effect.incarnation, 0)
  }
  expect(supervisor.size).toBe(10_000)
  supervisor.assign(GROUP, [], 1)
  expect(ended).toEqual(assignments.map(({ slot }) => slot).toReversed())
  expect(effects.slice(0, 2)).toMatchObject([{ kind: 'stop-worker' }, { kind: 'abandon-worker' }])
  expect(supervisor.size).toBe(0)
})

test('a worker that stops for good is not done, as one is that ends on its own while it moves', () => {
  const exits: string[] = []
  const incarnations: number[] = []
  const supervisor = new Supervisor(
    effect => incarnations.push(effect.incarnation),
    report => {
      if (report.kind === 'exited') exits.push(report.exit.kind)
    },
  )
  const { child } = member('m', 'transient')
  const slot = slotId(GROUP, 'm')
  const token = { lineage: 0, generation: 1, tag: 1, owner: 1 }
  supervisor.assign(GROUP, [{ slot, spec: GROUP, child, token, key: '1' }], 0)
  const [incarnation = 0] = incarnations
  supervisor.onStarted(slot, incarnation, 0)
  supervisor.assign(GROUP, [], 1)
  // It was told to stop: that there is a successor now, it does not hear any more.
  supervisor.release(GROUP, 2)
  supervisor.onExited(slot, incarnation, { kind: 'normal' }, 3)
  expect(exits).toEqual(['stopped'])
})

test('a worker whose code has ended, and its thread not in time, is told to have ended so', () => {
  const effects: SupervisorEffect[] = []
  const reports: object[] = []
  const supervisor = new Supervisor(
    effect => effects.push(effect),
    report => reports.push(report),
  )
  const { child } = member('m', 'permanent')
  const slot = slotId(GROUP, 'm')
  const token = { lineage: 0, generation: 1, tag: 1, owner: 1 }
  supervisor.assign(
    GROUP,
    [{ slot, spec: GROUP, child: { ...child, stopTimeoutMs: 500 }, token, key: '1' }],
    0,
  )
  supervisor.onStarted(slot, 1, 0)
  supervisor.release(GROUP, 1_000)
  const exit = { kind: 'released', legacy: new Uint8Array([1]) } as const
  supervisor.onEnding(slot, 1, exit)
  supervisor.tick(1_499)
  expect(reports).toHaveLength(1)
  supervisor.tick(1_500)
  expect(reports.slice(1)).toMatchObject([{ kind: 'exited', exit, toldBy: 'host' }])
  expect(effects.at(-1)).toMatchObject({ kind: 'abandon-worker', exit })
  // Nor is it told again when that is gone.
  supervisor.onExited(slot, 1, exit, 2_000)
  expect(reports).toHaveLength(2)
})

test('what another node has is fenced, and stops at once; what waits for its turn there never starts', () => {
  const effects: string[] = []
  const exits: string[] = []
  const supervisor = new Supervisor(
    effect => {
      const slot = effect.kind === 'start-worker' ? effect.assignment.slot : effect.slot
      effects.push(`${effect.kind} ${slot}`)
    },
    report => {
      if (report.kind === 'exited') exits.push(`${report.assignment.slot} ${report.exit.kind}`)
    },
  )
  const { child } = member('m', 'permanent')
  const token = { lineage: 0, generation: 1, tag: 1, owner: 1 }
  const slots = ['a', 'b', 'c', 'd'].map(id => slotId(GROUP, id))
  const [a = slotId(GROUP), b = a, c = a, d = a] = slots
  supervisor.assign(
    GROUP,
    slots.map(slot => ({ slot, spec: GROUP, child, token, key: '1' })),
    0,
  )
  supervisor.onStarted(a, 1, 0)
  supervisor.onStarted(b, 2, 0)
  effects.length = 0
  // c is about to start, and d after it.
  supervisor.fence(GROUP, [a, c, d], 1)
  supervisor.fence(GROUP, [a, c, d], 1)
  expect(effects).toEqual(['fence-worker g/a', 'stop-worker g/a', 'fence-worker g/c', 'stop-worker g/c'])
  supervisor.onStarted(c, 3, 2)
  supervisor.onExited(c, 3, { kind: 'normal' }, 2)
  expect(supervisor.isReady(b, '1')).toBe(true)
  supervisor.assign(GROUP, [{ slot: b, spec: GROUP, child, token, key: '1' }], 3)
  expect(supervisor.isStopping(GROUP)).toBe(true)
  supervisor.tick(1 + child.stopTimeoutMs)
  expect(exits).toEqual(['g/c stopped', 'g/a abandoned'])
  expect([...supervisor.slots()]).toEqual([b])
  expect(supervisor.isSteady(GROUP)).toBe(true)
  expect(effects.slice(4)).toEqual(['abandon-worker g/a'])
})

test('a worker that waits for its turn to stop does not go on, unless it is wanted again', () => {
  const supervisor = new Supervisor(
    () => {},
    () => {},
  )
  const { child } = member('m', 'permanent')
  const [a, b] = [slotId(GROUP, 'a'), slotId(GROUP, 'b')]
  const token = { lineage: 0, generation: 1, tag: 1, owner: 1 }
  const both = [a, b].map(slot => ({ slot, spec: GROUP, child, token, key: '1' }))
  supervisor.assign(GROUP, both, 0)
  supervisor.onStarted(a, 1, 0)
  supervisor.onStarted(b, 2, 0)
  const going = (): boolean[] => [supervisor.goesOn(a, 1), supervisor.goesOn(b, 2)]
  expect(going()).toEqual([true, true])
  expect(supervisor.goesOn(a, 2)).toBe(false)
  supervisor.assign(GROUP, [], 1)
  expect(going()).toEqual([false, false])
  supervisor.assign(GROUP, both, 2)
  expect(going()).toEqual([true, false])
})
