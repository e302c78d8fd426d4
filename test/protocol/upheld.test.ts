import { describe, expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import { specRows, upheldBy } from '../../src/protocol/spec-join.ts'
import { type SpecRow, writtenAt } from '../../src/protocol/spec-row.ts'
import { CHILD } from './child.ts'

const [user, late] = [nodeId('user'), nodeId('late')]
const row = (ms: number, node: typeof user, more: Partial<SpecRow> = {}): SpecRow => ({
  id: specId('w'),
  version: { ms, count: 3, node },
  body: undefined,
  desired: 'stopped',
  ...more,
})
const body = {
  kind: 'worker',
  child: CHILD,
  intensity: { restarts: 1, withinMs: 1 },
  rebalance: 'active',
} as const
const byHand = row(100, user, { body, replaces: { ms: 50, count: 0, node: user } })
const anew = row(200, late, { content: 7, desired: 'running' })

describe('what a config that was declared anew meets', () => {
  test('is upheld where users have written it: later than the config, and the same at all who know it', () => {
    const upheld = upheldBy(byHand, anew)
    expect(upheld).toEqual({
      ...byHand,
      version: { ms: 200, count: 4, node: user },
      replaces: byHand.version,
      isUpheld: true,
    })
    expect(upheldBy({ ...byHand }, { ...anew })).toEqual(upheld)
    expect(upheld && specRows.join(anew, upheld)).toMatchObject({ desired: 'stopped' })
  })

  test('the latest of what users have written goes on, where some did not know it yet', () => {
    const later = row(150, user, { body, replaces: byHand.version, desired: 'running' })
    const [one, other] = [upheldBy(byHand, anew), upheldBy(later, anew)]
    if (one === undefined || other === undefined) throw new Error('nothing is upheld')
    expect(one.version).toEqual(other.version)
    expect(specRows.versionOf(one)).not.toBe(specRows.versionOf(other))
    expect(specRows.join(one, other)).toMatchObject({ desired: 'running', replaces: later.version })
    expect(specRows.join(other, one)).toMatchObject({ desired: 'running', replaces: later.version })
  })

  test('is the same whether it is upheld against one config after the other, or against the later one at once', () => {
    const later = row(300, late, { content: 8 })
    const first = upheldBy(byHand, anew)
    const again = first && upheldBy(first, later)
    expect(again).toEqual(upheldBy(byHand, later))
    expect(again && writtenAt(again)).toEqual(byHand.version)
  })

  test('is the same in any order, where it was removed for some, and some have met a later config', () => {
    const running = row(100, user, { body })
    const removed = row(150, user, { removedContent: 7, replaces: running.version })
    const later = row(300, late, { content: 8 })
    const [one, other, last] = [upheldBy(removed, anew), upheldBy(running, anew), upheldBy(running, later)]
    if (one === undefined || other === undefined || last === undefined) throw new Error('nothing is upheld')
    const { join } = specRows
    expect(join(join(one, other), last)).toEqual(join(one, join(other, last)))
  })

  test('is upheld where users have removed just that', () => {
    const removed = row(150, user, { removedContent: 7 })
    expect(upheldBy(removed, anew)).toMatchObject({ body: undefined, removedContent: 7, isUpheld: true })
  })

  test.each([
    ['finds something else removed', row(150, user, { removedContent: 8 }), anew],
    ['finds what was taken back', row(150, user), anew],
    ['is a config as well', row(100, user, { content: 8 }), anew],
    ['is later anyway', row(300, user), anew],
    ['is changed by one who knew the mesh', byHand, { ...anew, replaces: byHand.version }],
    ['is changed by hand', byHand, row(200, late)],
  ])('is taken as any row where it %s', (_, known, other) => {
    expect(upheldBy(known, other)).toBeUndefined()
  })
})
