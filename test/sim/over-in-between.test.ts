/** A generation of a chain that is over while items of it are being handed from one worker to the next. */

import { expect, test } from 'vitest'

import { defineStage } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'

const ITEMS = Array.from({ length: 40 }, (_, n) => n)

test.each([5, 9, 10, 11, 12, 20])(
  'a worker crashes at item %i as the next one makes room: what that one has just taken comes once more, and only then',
  async last => {
    const handled: { readonly n: number; readonly attempt: number; readonly isAfter: boolean }[] = []
    let hasCrashed = false
    const gate = defineStage('gate', (n: number) => {
      if (n === last && !hasCrashed) {
        hasCrashed = true
        throw new Error('shut')
      }
      return n
    })
    const note = defineStage('note', (n: number, context) => {
      handled.push({ n, attempt: context.attempt, isAfter: hasCrashed })
      return n
    })
    const slow = defineStage('slow', async function* (n: number, context) {
      await context.sleep(5)
      yield n
    })
    await using mesh = await simulate({ nodes: 1, behaviours: [gate, note, slow] })
    const chain = await mesh.settle(
      mesh.node('n1').addChain({
        id: 'c',
        strategy: 'one_for_one',
        stages: [
          { run: gate, restart: 'temporary' },
          { run: note, queueItems: 1 },
          { run: slow, queueItems: 1 },
        ],
      }),
    )
    const outcomes = await mesh.settle(Promise.all(ITEMS.map(n => chain.call(n))))
    expect(outcomes).toEqual(ITEMS.map(n => [n]))
    expect(hasCrashed).toBe(true)
    const late = handled.filter(({ n, isAfter }) => isAfter && n <= last)
    expect(late.length).toBeGreaterThan(0)
    expect(late.filter(({ attempt }) => attempt === 1)).toEqual([])
  },
)

test.each(['temporary', 'permanent'] as const)(
  'the first of two %s workers that are given an item crashes at it: the second one is not given it by the generation that is over',
  async restart => {
    let hasCrashed = false
    const pass = defineStage('pass', (n: number) => n)
    const both = defineStage('both', (n: number, context) => {
      if (context.worker.endsWith('/0') && !hasCrashed) {
        hasCrashed = true
        throw new Error('not this one')
      }
      return `${n} ${context.worker}`
    })
    await using mesh = await simulate({ nodes: 1, behaviours: [pass, both] })
    const chain = await mesh.settle(
      mesh.node('n1').addChain({
        id: 'c',
        strategy: 'one_for_one',
        stages: [{ run: pass }, { run: both, restart, workers: 2, route: 'broadcast' }],
      }),
    )
    const copies = restart === 'temporary' ? ['c/both/1'] : ['c/both/0', 'c/both/1']
    expect(await mesh.settle(chain.call(7))).toEqual(copies.map(worker => `7 ${worker}`))
  },
)
