import { expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import { Bulletin } from '../../src/node/bulletin.ts'
import type { Effect } from '../../src/node/events.ts'
import type { Phase } from '../../src/protocol/phase.ts'
import type { SpecRow } from '../../src/protocol/spec-row.ts'
import { group, member } from './supervision/core-bench.ts'

const id = specId('g')
const node = nodeId('n')
const version = (ms: number) => ({ ms, count: 0, node })
const row = (ms: number): SpecRow => ({
  id,
  version: version(ms),
  body: group('one_for_one', [member('a', 'permanent')]),
  desired: 'running',
})
const phase = (ms: number): Phase => ({
  spec: id,
  specVersion: version(ms),
  revision: 1,
  generation: { number: ms, tag: 1 },
  coordinator: { id: node, boot: 1 },
  layout: [],
  away: [],
  pending: [],
  isFirst: true,
  previous: [],
  restarts: [],
  failures: [],
  since: [node],
  rank: 'running',
  ready: [],
  exits: [],
  stopped: [],
  left: [],
})

// Seed 7034: a chain was wired by a phase that came before its spec, without the workers of a stage that had a new
// revision in it, and stayed so.
test('a phase that was made for a spec that has not come yet is told of when the spec has come', () => {
  const effects: Effect[] = []
  const bulletin = new Bulletin(effect => effects.push(effect))
  const told = (): string[] =>
    effects.splice(0).flatMap(({ kind }) => (kind.startsWith('follow') ? [kind] : []))
  bulletin.follow(row(1), undefined, phase(1))
  expect(told()).toEqual(['follow-spec', 'follow-phase'])
  const same = row(1)
  bulletin.follow(same, undefined, phase(2))
  expect(told()).toEqual(['follow-spec'])
  bulletin.follow(row(2), undefined, phase(2))
  expect(told()).toEqual(['follow-spec', 'follow-phase'])
})
