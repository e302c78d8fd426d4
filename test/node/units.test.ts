/** What specs ask of placement. */

import { describe, expect, test } from 'vitest'

import { specId } from '../../src/ids.ts'
import { declareChain } from '../../src/node/specs/chain-spec.ts'
import { declareGroup } from '../../src/node/specs/group-spec.ts'
import { declareWorker } from '../../src/node/specs/worker-spec.ts'
import { unitsOfSpec } from '../../src/node/supervision/units.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import type { SpecBody, SpecRow } from '../../src/protocol/spec-row.ts'
import { nodeId } from '../../src/ids.ts'

const server = defineServer('server', { init: () => ({}) })
const stage = defineStage('stage', (n: number) => n)
const needs = ['server@1']

function row(id: string, body: SpecBody | undefined): SpecRow {
  return { id: specId(id), version: { ms: 1, count: 0, node: nodeId('n') }, body, desired: 'running' }
}

function unitsOfGroup(options: object): object[] {
  return unitsOfSpec(row('g', declareGroup({ id: 'g', ...options }).body))
}

const member = (id: string, placement?: object): object => ({ id, run: server, placement })

test('a plain worker wants a node that has its behaviour, and nothing else', () => {
  expect(unitsOfSpec(row('w', declareWorker({ run: server }).body))).toEqual([{ id: 'w', needs }])
  expect(unitsOfSpec(row('w', undefined))).toEqual([])
})

test('a worker wants its labels, zone, company and distance', () => {
  const worker = { run: server, placement: { labels: { gpu: 'yes' }, near: 'plc', pack: 'cache' } }
  expect(unitsOfSpec(row('w', declareWorker(worker).body))).toEqual([
    {
      id: 'w',
      needs,
      selector: { gpu: 'yes' },
      affinity: 'cache',
      zone: { mode: 'near', key: 'plc', ordinal: 0 },
    },
  ])
  const apart = { run: server, placement: { spread: 'replicas' } }
  expect(unitsOfSpec(row('w', declareWorker(apart).body))).toEqual([{ id: 'w', needs, spread: 'replicas' }])
})

describe('the members of a group', () => {
  test('are shared out, unless the group says no or wants to be together', () => {
    const members = [member('a')]
    expect(unitsOfGroup({ members })).toEqual([{ id: 'g/a', needs, spread: 'g' }])
    expect(unitsOfGroup({ members, spread: false })).toEqual([{ id: 'g/a', needs }])
    expect(unitsOfGroup({ members, placement: { pack: 'p' } })).toEqual([{ id: 'g/a', needs, affinity: 'p' }])
    const packed = [member('a', { pack: 'p' })]
    expect(unitsOfGroup({ members: packed, spread: true })).toEqual([{ id: 'g/a', needs, affinity: 'p' }])
  })

  test('take turns in the zones, in their order, unless one wants to be near', () => {
    const members = [member('a'), member('b', { near: 'x' }), member('c')]
    expect(unitsOfGroup({ members, spread: 'zones' })).toEqual([
      { id: 'g/a', needs, spread: 'g', zone: { mode: 'rotate', key: 'g', ordinal: 0 } },
      { id: 'g/b', needs, zone: { mode: 'near', key: 'x', ordinal: 0 } },
      { id: 'g/c', needs, spread: 'g', zone: { mode: 'rotate', key: 'g', ordinal: 2 } },
    ])
  })

  test('want the labels of the group and their own; what they say goes before what the group says', () => {
    const members = [member('a', { labels: { disk: 'ssd' }, spread: 'far' })]
    const placement = { labels: { rack: 'a' }, near: 'x', pack: 'p' }
    expect(unitsOfGroup({ members, placement })).toEqual([
      {
        id: 'g/a',
        needs,
        selector: { rack: 'a', disk: 'ssd' },
        spread: 'far',
        zone: { mode: 'near', key: 'x', ordinal: 0 },
      },
    ])
  })
})

test('a stage more or less does not change the turns of the others', () => {
  const units = (workers: number): object[] => {
    const stages = [
      { id: 'one', run: stage, workers: 2 },
      { id: 'two', run: stage, workers },
    ]
    return unitsOfSpec(row('c', declareChain({ id: 'c', spread: 'zones', stages }).body))
  }
  expect(units(3).slice(0, 2)).toEqual([
    { id: 'c/two/0', needs: ['stage@1'], spread: 'c', zone: { mode: 'rotate', key: 'c/two', ordinal: 0 } },
    { id: 'c/two/1', needs: ['stage@1'], spread: 'c', zone: { mode: 'rotate', key: 'c/two', ordinal: 1 } },
  ])
  expect(units(3)).toEqual(expect.arrayContaining(units(2)))
})
