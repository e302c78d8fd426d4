/** A sender that is gone, or out of reach, while what came of its items waits for credit holds up nobody else's. */

import { describe, expect, test } from 'vitest'

import { defineStage } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** A way back has credit for so many at first. */
const CREDIT = 32
/** More than that: the rest waits at the last worker. */
const MANY = CREDIT + 8
/** So long that the sender is gone before it has given any more. */
const LATENCY_MS = 500

const HOWS = ['at once', 'in time', 'many of one'] as const

const home = { labels: { home: 'yes' } }

/** A chain on n1. Its last worker has no room for all that n2 has sent; an item of n1 waits behind that. */
async function blockedChain(how: (typeof HOWS)[number]) {
  /** Whose items the last worker was at, for each output. */
  const handled: string[] = []
  const burst = defineStage('burst', async function* (count: number, context) {
    for (let index = 0; index < count; index++) {
      if (how === 'many of one') handled.push(context.item.origin)
      yield index
    }
  })
  const last = defineStage('last', (index: number, context) => {
    handled.push(context.item.origin)
    return how === 'at once' ? index : context.sleep(1).then(() => index)
  })
  const mesh = await simulate({
    behaviours: [burst, last],
    labelsOf: { n1: home.labels },
    seed: 'lost senders',
  })
  await allSeeAll(mesh)
  const [first, second] = [
    { run: burst, placement: home },
    { run: last, placement: home },
  ] as const
  const node = mesh.node('n1')
  if (how === 'many of one') await mesh.settle(node.addChain({ id: 'c', stages: [first] }))
  else await mesh.settle(node.addChain({ id: 'c', stages: [first, second] }))
  await mesh.until('n2 has heard of it', () => mesh.node('n2').snapshot().specs.length === 1)
  const near = node.getChain<number, number[]>('c')
  const far = mesh.node('n2').getChain<number, number[]>('c')
  // From now on there is a way back.
  expect(await mesh.settle(far.call(1))).toEqual([0])
  mesh.setConditions({ latencyMs: LATENCY_MS })
  handled.length = 0
  const theirs = far.call(MANY)
  await mesh.until('n1 has used up its credit', () => handled.length >= CREDIT - 1)
  const mine = near.call(2)
  await mesh.run(LATENCY_MS / 5)
  expect(new Set(handled)).toEqual(new Set(['n2']))
  expect(handled.length).toBeLessThan(MANY)
  return { mesh, near, mine, theirs }
}

interface Loss {
  readonly begin: (mesh: SimulatedMesh) => void
  readonly end: (mesh: SimulatedMesh) => void
}

const CUT: Loss = { begin: mesh => mesh.cut('n1', 'n2'), end: mesh => mesh.heal() }
const FREEZE: Loss = { begin: mesh => mesh.freeze('n2'), end: mesh => mesh.thaw('n2') }

async function crash(mesh: SimulatedMesh): Promise<void> {
  mesh.crash('n2')
}

async function startAnew(mesh: SimulatedMesh): Promise<void> {
  mesh.crash('n2')
  await mesh.start('n2')
}

describe.each(HOWS)('a last stage that handles items %s', how => {
  test.each([
    ['is gone', crash],
    ['is started anew', startAnew],
  ] as const)('goes on with those of others when a sender %s (seed 1038100)', async (_name, lose) => {
    const { mesh, near, mine } = await blockedChain(how)
    await using _ = mesh
    await lose(mesh)
    expect(await mesh.settle(mine)).toEqual([0, 1])
    expect(near.stats).toMatchObject({ finished: 1, redelivered: 0 })
  })

  test.each([
    ['is out of reach', CUT],
    ['stands still', FREEZE],
  ] as const)('keeps what is for a sender that %s, and goes on with those of others', async (_name, loss) => {
    const { mesh, near, mine, theirs } = await blockedChain(how)
    await using _ = mesh
    loss.begin(mesh)
    mesh.setConditions({ latencyMs: 1 })
    expect(await mesh.settle(mine)).toEqual([0, 1])
    loss.end(mesh)
    expect(await mesh.settle(theirs)).toEqual(Array.from({ length: MANY }, (_item, index) => index))
    expect(near.stats).toMatchObject({ finished: 1, redelivered: 0 })
  })
})

// What is kept for it had a bound for all of its items, and nobody's item was done from there on.
test('a last stage goes on with the items of others when a sender is gone to which it owes a lot', async () => {
  const LARGE = 'x'.repeat(3 * 1024 * 1024)
  let doneCount = 0
  const enlarge = defineStage('enlarge', async (isLarge: boolean, { sleep }) => {
    await sleep(5)
    doneCount += 1
    return isLarge ? LARGE : ''
  })
  await using mesh = await simulate({ behaviours: [enlarge], labelsOf: { n1: home.labels } })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  await mesh.settle(node.addChain({ id: 'c', stages: [{ run: enlarge, placement: home }] }))
  await mesh.until('n2 has heard of it', () => mesh.node('n2').snapshot().specs.length === 1)
  const far = mesh.node('n2').getChain<boolean, string>('c')
  await mesh.settle(far.call(false))
  for (let n = 0; n < CREDIT; n++) void far.call(true).catch(() => {})
  await mesh.until('n1 is at them', () => doneCount > 2)
  mesh.crash('n2')
  await mesh.run(2_000)
  expect(await mesh.settle(node.getChain<boolean, string>('c').call(false))).toBe('')
  // More than is kept of one item.
  expect(doneCount).toBeGreaterThan(12)
})

// Nobody took what had come of the item, so that it was never dealt with, and the worker never ended.
test('a last stage that wants to end does when the sender of the item at hand has been started anew', async () => {
  let begunCount = 0
  const retiring = defineStage('retiring', async (isLast: boolean, context) => {
    begunCount += 1
    await context.sleep(5)
    if (isLast) context.stop('shutdown')
    return isLast
  })
  await using mesh = await simulate({ behaviours: [retiring], labelsOf: { n1: home.labels } })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  await mesh.settle(node.addChain({ id: 'c', stages: [{ run: retiring, placement: home }] }))
  await mesh.until('n2 has heard of it', () => mesh.node('n2').snapshot().specs.length === 1)
  const far = mesh.node('n2').getChain<boolean, boolean>('c')
  await mesh.settle(far.call(false))
  const near = node.getChain<boolean, boolean>('c')
  void far.call(true).catch(() => {})
  await mesh.until('n1 is at it', () => begunCount === 2)
  await startAnew(mesh)
  expect(await mesh.settle(near.call(false))).toBe(false)
})
