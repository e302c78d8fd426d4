/** The view that a node places by. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { firstChoice } from '../../src/placement/placement.ts'
import { View, declinesOf, viewHash } from '../../src/placement/view.ts'
import { anyCase, node } from './arbitrary.ts'

const RUNS = { numRuns: 200 }

describe('a view', () => {
  test('has a hash that tells it from others, whatever the order', () => {
    const [a, b] = [node('a'), node('b')]
    expect(viewHash([a, b])).toBe(viewHash([b, a]))
    for (const other of [
      { weight: 2 },
      { draining: true },
      { zone: 'z' },
      { labels: { x: 'y' } },
      { declines: ['u'] },
    ]) {
      expect(viewHash([a, b])).not.toBe(viewHash([a, node('b', other)]))
    }
  })

  test('keeps its hash and its first choices as nodes come, change and go', () => {
    fc.assert(
      fc.property(anyCase, ({ nodes: some }) => {
        const view = new View()
        for (const each of some) view.set({ ...each, weight: 7 })
        for (const each of some) view.set(each)
        view.set(node('gone soon'))
        expect(view.delete('gone soon')).toBe(true)
        expect(view.delete('gone soon')).toBe(false)
        expect(view.hash()).toBe(viewHash(some))
        const staying = some.filter(each => !each.draining).map(({ id }) => id)
        expect(view.firstChoice('key')).toBe(firstChoice('key', staying))
      }),
      RUNS,
    )
  })

  test('knows what its nodes decline, in any order', () => {
    const [a, b] = [node('a', { declines: ['v', 'u'] }), node('b', { declines: ['u'] })]
    expect(declinesOf([a, b])).toEqual([
      { unit: 'v', node: 'a' },
      { unit: 'u', node: 'a' },
      { unit: 'u', node: 'b' },
    ])
    expect(viewHash([a, b])).toBe(viewHash([b, node('a', { declines: ['u', 'v'] })]))
  })

  test('follows the oldest rules that one of its nodes knows', () => {
    const view = new View()
    expect(view.placementVersion()).toBe(1)
    view.set(node('newer', { placementVersion: 9 }))
    expect(view.placementVersion()).toBe(1)
    view.set(node('older', { placementVersion: 0 }))
    expect(view.placementVersion()).toBe(0)
    view.delete('older')
    expect(view.placementVersion()).toBe(1)
  })
})
