/** Who stands still for just so long that others take it for dead, and go on without it, knows that it was away. */

import { describe, expect, test } from 'vitest'

import { PROFILES } from '../../src/protocol/timings.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

// It was not away in 4 of 12 at `lan`, and in 1 of 6 at `wan`: its next timer was due some time after it stood still.
describe.each(PROFILES)('at %s', profile => {
  test.each([1, 2, 3, 4])('thawed in the moment in which somebody takes it for dead: seed %i', async seed => {
    await using mesh = await simulate({ nodes: 4, seed, profile })
    await allSeeAll(mesh)
    const coreOf = (id: string) => mesh.node(id).inspect().core
    const isDead = (): boolean =>
      mesh.ids.some(id => id !== 'n2' && coreOf(id).ledger.tables.members.get('n2')?.status === 'dead')
    const isAware: boolean[] = []
    for (let times = 0; times < 6; times++) {
      await mesh.run(30_000 + 137 * times)
      expect(mesh.node('n1').members()).toHaveLength(4)
      mesh.freeze('n2')
      await mesh.until('it is dead', isDead)
      mesh.thaw('n2')
      await mesh.run(0.5)
      const { wakefulness } = coreOf('n2').ledger.membership
      const nowMs = mesh.timeOf('n2')
      isAware.push(wakefulness.returnedFromMs > nowMs || [...wakefulness.unheard(nowMs)].length > 0)
    }
    expect(isAware).toEqual(isAware.map(() => true))
  })
})

// It was late by a second, as it was to do nothing for 1.4 s, and decided at once.
test.each([1, 2])('the same of a node that is unwell: seed %i', async seed => {
  await using mesh = await simulate({ nodes: 4, seed })
  await allSeeAll(mesh)
  for (let times = 0; times < 6; times++) {
    mesh.freeze('n2')
    await mesh.run(900)
    mesh.thaw('n2')
    await mesh.run(100)
  }
  const { ledger } = mesh.node('n2').inspect().core
  expect(ledger.membership.health.score).toBeGreaterThan(1)
  const without = (): boolean => mesh.node('n1').members().length === 3
  mesh.freeze('n2')
  await mesh.until('it is dead', without, 10_000)
  mesh.thaw('n2')
  await mesh.run(0.5)
  const { wakefulness } = ledger.membership
  expect([...wakefulness.unheard(mesh.timeOf('n2'))].length).toBeGreaterThan(0)
})
