/** A wall clock that is far ahead of others: those who see it say so, and name the node whose clock it is. */

import { expect, test } from 'vitest'

import { COMPLAIN_EVERY_MS } from '../../src/node/border.ts'
import { CLOCK_SKEW_MAX_MS } from '../../src/protocol/hlc.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { LogBook } from '../log-book.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter } from './behaviours.ts'

const HOUR_MS = 3_600_000

async function meshOf(logger: LogBook, skewMs: number): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: [counter], logger })
  await allSeeAll(mesh)
  mesh.setClock('n1', skewMs)
  return mesh
}

async function declare(mesh: SimulatedMesh, name: string, id: string): Promise<void> {
  await mesh.settle(mesh.node(name).addWorker({ id, run: counter, args: [1] }))
  await mesh.run(1_000)
}

function warningsOf({ lines }: LogBook): readonly object[] {
  return lines
    .filter(({ message }) => message === 'the clock of a node is far ahead, or was')
    .map(({ facts }) => facts)
}

function countsOf(mesh: SimulatedMesh): readonly boolean[] {
  return mesh.ids.map(id => mesh.node(id).snapshot().border.clocks > 0)
}

test('every other node warns of it, once a minute however much is written, and of nobody else', async () => {
  const logger = new LogBook()
  await using mesh = await meshOf(logger, HOUR_MS)
  for (const id of ['a', 'b', 'c', 'd']) await declare(mesh, 'n1', id)
  // Later than what it changes, though its own clock is right.
  await mesh.settle(mesh.node('n2').stopWorker('a'))
  await declare(mesh, 'n3', 'e')
  const facts = {
    clockOf: 'n1',
    aheadMs: expect.closeTo(HOUR_MS, -3),
    reason: expect.stringMatching(
      /^found 3600 s ahead of this node's clock, allowed are 60 s; .* Set both clocks/,
    ),
  }
  expect(warningsOf(logger)).toEqual([facts, facts])
  expect(countsOf(mesh)).toEqual([false, true, true])
  await mesh.run(COMPLAIN_EVERY_MS)
  await declare(mesh, 'n1', 'f')
  expect(warningsOf(logger).slice(2)).toEqual([
    { ...facts, timesSince: expect.any(Number) },
    { ...facts, timesSince: expect.any(Number) },
  ])
  mesh.setClock('n1', 0)
  await mesh.run(COMPLAIN_EVERY_MS)
  await declare(mesh, 'n1', 'g')
  expect(warningsOf(logger)).toHaveLength(4)
})

test('a node whose own clock is behind warns of each of the others that it hears of', async () => {
  const logger = new LogBook()
  await using mesh = await meshOf(logger, -HOUR_MS)
  await declare(mesh, 'n2', 'a')
  await declare(mesh, 'n3', 'b')
  expect(warningsOf(logger)).toMatchObject([{ clockOf: 'n2' }, { clockOf: 'n3' }])
  expect(countsOf(mesh)).toEqual([true, false, false])
})

test('nobody warns of a clock that is ahead by no more than is allowed', async () => {
  const logger = new LogBook()
  await using mesh = await meshOf(logger, CLOCK_SKEW_MAX_MS - 1_000)
  for (const id of ['a', 'b']) await declare(mesh, 'n1', id)
  expect(warningsOf(logger)).toEqual([])
})

test('nor is a clock told of that was set, with its node started anew, nor by those who start later', async () => {
  const logger = new LogBook()
  await using mesh = await meshOf(logger, HOUR_MS)
  await declare(mesh, 'n1', 'a')
  expect(warningsOf(logger)).toHaveLength(2)
  mesh.setClock('n1', 0)
  for (const name of ['n1', 'n3']) {
    await mesh.stop(name)
    await mesh.settle(mesh.start(name))
    await allSeeAll(mesh)
    await mesh.run(2 * COMPLAIN_EVERY_MS)
  }
  expect(warningsOf(logger)).toHaveLength(2)
})
