/** Specs that ask for more than a mesh puts up with, and are declared by other nodes: whatever they say, nobody runs them. */

import { expect, test } from 'vitest'

import { slotsOfSpec } from '../../src/node/supervision/units.ts'
import { declareChain } from '../../src/node/specs/chain-spec.ts'
import { declareGroup } from '../../src/node/specs/group-spec.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import { nodeId, specId } from '../../src/ids.ts'
import type { SpecBody } from '../../src/protocol/spec-row.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { busyNode } from './fuzz-inputs.ts'

const run = defineStage('work', (n: number) => n + 1)
const server = defineServer('server', { init: (_context, n: number) => ({ n }) })

const chain = (id: string, widths: readonly number[]): SpecBody =>
  declareChain({ id, stages: widths.map((workers, n) => ({ id: `s${n}`, run, workers })) }).body

const group = (id: string, count: number): SpecBody =>
  declareGroup({
    id,
    members: Array.from({ length: count }, (_, n) => ({ id: `m${n}`, run: server, args: [n] })),
  }).body

test.each([
  [
    'workers of a chain',
    chain('huge', [...Array.from({ length: 256 }, (_, n) => (n % 2 === 0 ? 254 : 2)), 1]),
    /^it has 32769 workers/,
  ],
  ['workers of a group', group('huge', 32_769), /^it has 32769 workers/],
  ['ways between stages', chain('huge', [256, 256, 256, 1]), /^it has 131328 ways/],
])('too many %s: no slot is made of them, and nobody is hung up on', async (_what, body, reason) => {
  const { outside, node } = await busyNode()
  const peer = outside.join('insider')
  await outside.clock.run(500)
  const id = specId('huge')
  const version = { ms: 1, count: 0, node: nodeId('insider') }
  outside.say(peer, {
    kind: 'rows',
    rows: { ...NO_ROWS, specs: [{ id, version, desired: 'running', body }] },
  })
  await outside.clock.run(500)
  expect(slotsOfSpec(id, body)).toEqual([])
  const huge = node.snapshot().specs.find(spec => spec.id === 'huge')
  expect(huge).toMatchObject({
    status: { kind: 'pending', reason: expect.stringMatching(reason) },
    workers: [],
  })
  expect([outside.hungUp, outside.errors]).toEqual([[], []])
})
