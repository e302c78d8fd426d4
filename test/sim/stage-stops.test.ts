/** A stage that asks for its own end, by `context.stop`, while it is at an item. */

import { describe, expect, test } from 'vitest'

import { defineStage } from '../../src/node/workers/behaviours.ts'
import { RESTART_TYPES } from '../../src/protocol/spec-row.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const LAST = 3

describe.each([1, 3])('with %i node(s)', nodes => {
  test.each(
    RESTART_TYPES.flatMap(restart => [
      { restart, how: 'at once' as const },
      { restart, how: 'after a while' as const },
    ]),
  )('what a $restart stage returns $how goes on, and the stage ends once', async ({ restart, how }) => {
    const handled: number[] = []
    const last = defineStage('last', (n: number, context) => {
      handled.push(n)
      if (n === LAST) context.stop()
      return how === 'at once' ? n + 1 : context.sleep(3).then(() => n + 1)
    })
    const slow = defineStage('slow', async (n: number, context) => {
      await context.sleep(20)
      return n * 10
    })
    await using mesh = await simulate({ nodes, behaviours: [last, slow] })
    await allSeeAll(mesh)
    const stages = [{ run: last, restart }, { run: slow }] as const
    const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', strategy: 'one_for_one', stages }))
    const exits: string[] = []
    for (const id of mesh.ids)
      mesh.node(id).on('worker:exit', ({ slot, exit }) => exits.push(`${exit.kind} ${slot}`))
    expect(await mesh.settle(chain.call(LAST))).toBe(10 * (LAST + 1))
    await mesh.until('it has ended', () => exits.length > 0)
    expect(await mesh.settle(chain.call(5))).toBe(restart === 'permanent' ? 60 : 50)
    expect(exits).toEqual(['normal c/last/0'])
    expect(handled).toEqual(restart === 'permanent' ? [LAST, 5] : [LAST])
    expect(chain.stats).toMatchObject({ accepted: 2, finished: 2, dead: 0 })
  })

  test('it takes nothing more meanwhile: the items behind it come after its end, in order', async () => {
    const handled: number[] = []
    const last = defineStage('last', (n: number, context) => {
      handled.push(n)
      if (n === LAST) context.stop()
      return n + 1
    })
    const slow = defineStage('slow', async (n: number, context) => {
      await context.sleep(20)
      return n * 10
    })
    await using mesh = await simulate({ nodes, behaviours: [last, slow] })
    await allSeeAll(mesh)
    const stages = [{ run: last, restart: 'transient' }, { run: slow }] as const
    const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages }))
    const items = [0, 1, 2, 3, 4, 5, 6, 7]
    const outcomes: number[] = []
    const calls = items.map(n => chain.call(n).then(outcome => outcomes.push(outcome)))
    await mesh.settle(Promise.all(calls))
    expect(handled).toEqual([0, 1, 2, 3])
    expect(outcomes).toEqual(items.map(n => 10 * (n <= LAST ? n + 1 : n)))
  })
})

test('a generation that is over meanwhile does not hold it up: it ends, and the item comes again', async () => {
  const gate = { isOpen: false, open: (): void => {} }
  const tries: number[] = []
  const last = defineStage('last', (n: number, context) => {
    tries.push(context.attempt)
    if (!gate.isOpen) context.stop()
    return n + 1
  })
  const wait = defineStage('wait', async (n: number) => {
    if (!gate.isOpen) await new Promise<void>(resolve => (gate.open = resolve))
    return n * 10
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [last, wait] })
  const stages = [{ run: last }, { run: wait }] as const
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', strategy: 'one_for_one', stages }))
  const call = chain.call(1)
  await mesh.until('it is at the item', () => tries.length === 1)
  gate.isOpen = true
  await mesh.settle(chain.restartStage('wait'))
  expect(await mesh.settle(call)).toBe(20)
  expect(tries).toEqual([1, 2])
  const started = chain.stages().map(({ workers }) => workers[0]?.generation ?? 0)
  expect(Math.min(...started)).toBeGreaterThan(1)
})

test.each([1, 3])(
  'what a stage returns that has ended with an error goes nowhere, on %i node(s)',
  async nodes => {
    const last = defineStage('last', (_n: number, context) => {
      if (context.attempt === 1) context.stop(new Error('not so'))
      return `try ${context.attempt}`
    })
    await using mesh = await simulate({ nodes, behaviours: [last] })
    await allSeeAll(mesh)
    const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [{ run: last }] }))
    expect(await mesh.settle(chain.call(1))).toBe('try 2')
  },
)
