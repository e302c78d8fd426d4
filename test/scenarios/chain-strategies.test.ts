/** What the crash of a worker takes with it in a chain, and stages that come and go: lines 63, 64, 71 and 72. */

import { expect, test } from 'vitest'

import type { ChainHandle } from '../../src/node/chain-handle.ts'
import { defineStage } from '../../src/node/workers/behaviours.ts'
import type { ChainStrategy } from '../../src/protocol/spec-row.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from '../sim/all-see-all.ts'

/** Items at which a stage crashes once, as `stage item`. */
const traps = new Set<string>()
function adder(name: string) {
  return defineStage(name, async (text: string, context) => {
    await context.sleep(1)
    if (traps.delete(`${name} ${text}`)) throw new Error('told to crash')
    return `${text}${name}`
  })
}

const a = adder('a')
const b = adder('b')
const c = adder('c')
const d = adder('d')
const behaviours = [a, b, c, d]
const intensity = { restarts: 1_000, withinMs: 1_000 }

type Words = ChainHandle<string, string, object>

async function withChain(mesh: SimulatedMesh, strategy: ChainStrategy, workers = 1): Promise<Words> {
  await allSeeAll(mesh)
  const stages = [
    { run: a, workers },
    { run: b, workers },
    { run: c, workers },
  ] as const
  return mesh.settle(mesh.node('n1').addChain({ id: 'words', strategy, intensity, stages }))
}

/** Of which generation the first worker of each stage is. */
function generations(chain: Words): (number | undefined)[] {
  return chain.stages().map(({ workers }) => workers[0]?.generation)
}

function items(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}:`)
}

async function through(mesh: SimulatedMesh, chain: Words, sent: readonly string[]): Promise<unknown[]> {
  const out: unknown[] = []
  const drain = async (): Promise<void> => {
    for await (const outcome of chain.run(sent)) out.push(outcome)
  }
  await mesh.settle(drain(), 120_000)
  return out
}

const RENEWED: readonly (readonly [ChainStrategy, readonly number[]])[] = [
  ['one_for_one', [1, 2, 1]],
  ['one_for_all', [2, 2, 2]],
  ['rest_for_one', [1, 2, 2]],
  ['before_for_one', [2, 2, 1]],
]

test.each(RENEWED)('63, 64: %s: the second of three stages crashes', async (strategy, after) => {
  await using mesh = await simulate({ nodes: 1, behaviours })
  const chain = await withChain(mesh, strategy)
  traps.add('b 7:a')
  const sent = items(20)
  expect(await through(mesh, chain, sent)).toEqual(sent.map(text => `${text}abc`))
  expect(generations(chain)).toEqual(after)
  expect(traps.size).toBe(0)
})

test.each(RENEWED)(
  '63, 64: %s, over four nodes and several workers of a stage: nothing is lost, order is kept',
  async (strategy, after) => {
    await using mesh = await simulate({ nodes: 4, behaviours })
    const chain = await withChain(mesh, strategy, 3)
    traps.add('b 30:a')
    const sent = items(100)
    expect(await through(mesh, chain, sent)).toEqual(sent.map(text => `${text}abc`))
    await mesh.until('it runs', () => chain.status.kind === 'running')
    const renewed = chain
      .stages()
      .map(({ workers }) => workers.filter(({ generation }) => generation === 2).length)
    // One worker crashed; where its stage goes with it, all three of the stage do.
    const whole = strategy === 'one_for_one' ? 1 : 3
    expect(renewed).toEqual(after.map(generation => (generation === 2 ? whole : 0)))
  },
)

test.each(RENEWED)(
  '63: %s: a stage that ends without an error stays away, its siblings stay, items pass it',
  async strategy => {
    const ending = defineStage('ending', (text: string, context) => {
      if (text === 'end:a') context.stop()
      return `${text}!`
    })
    await using mesh = await simulate({ nodes: 1, behaviours: [...behaviours, ending] })
    const chain = await mesh.settle(
      mesh.node('n1').addChain({
        id: 'words',
        strategy,
        stages: [{ run: a }, { run: ending, restart: 'transient' }, { run: c }],
      }),
    )
    expect(await mesh.settle(chain.call('1:'))).toBe('1:a!c')
    await mesh.settle(chain.call('end:'))
    await mesh.until('it has ended', () => chain.stages()[1]?.workers[0]?.kind === 'ended')
    expect(await mesh.settle(chain.call('2:'))).toBe('2:ac')
    expect(generations(chain)).toEqual([1, undefined, 1])
    await mesh.settle(chain.restartStage('ending'))
    expect(await mesh.settle(chain.call('3:'))).toBe('3:a!c')
  },
)

test('64: nothing else on the node is disturbed', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours })
  const chain = await withChain(mesh, 'rest_for_one')
  const other = await mesh.settle(mesh.node('n1').addChain({ id: 'other', stages: [{ run: a }, { run: b }] }))
  const lives: string[] = []
  mesh.node('n1').on('worker:start', ({ slot }) => lives.push(`started ${slot}`))
  mesh.node('n1').on('worker:exit', ({ slot, exit }) => lives.push(`${exit.kind} ${slot}`))
  traps.add('b x:a')
  expect(await mesh.settle(chain.call('x:'))).toBe('x:abc')
  expect(lives.toSorted()).toEqual([
    'crashed words/b/0',
    'started words/b/0',
    'started words/c/0',
    'stopped words/c/0',
  ])
  expect(other.stages().map(({ workers }) => workers[0]?.generation)).toEqual([1, 1])
  expect(await mesh.settle(other.call('y:'))).toBe('y:ab')
})

test.each([
  ['first', 'a', 'bc'],
  ['middle', 'b', 'ac'],
  ['last', 'c', 'ab'],
] as const)(
  '71, 72: the %s stage is removed while items are on their way: they flow through the others',
  async (_which, id, left) => {
    await using mesh = await simulate({ nodes: 3, behaviours })
    const chain = await withChain(mesh, 'one_for_all', 2)
    const sent = items(200)
    const running = through(mesh, chain, sent)
    await mesh.run(20)
    await mesh.settle(mesh.node('n2').getChain('words').removeStage(id))
    const out = await running
    expect(out).toHaveLength(200)
    // Before, all three had a hand in it; after, the two that are left.
    for (const [index, outcome] of out.entries())
      expect([`${sent[index]}abc`, `${sent[index]}${left}`]).toContain(outcome)
    expect(out.at(-1)).toBe(`199:${left}`)
    expect(
      chain
        .stages()
        .map(stage => stage.id)
        .join(''),
    ).toBe(left)
    await expect(mesh.settle(chain.removeStage(id))).rejects.toMatchObject({ name: 'NotFoundError' })
  },
)

test('a stage is added at any place, and its siblings go on', async () => {
  await using mesh = await simulate({ nodes: 3, behaviours })
  const chain = await withChain(mesh, 'one_for_one')
  const before = generations(chain)
  await mesh.settle(mesh.node('n3').getChain('words').addStage({ run: d, workers: 2 }, { position: 1 }))
  expect(await mesh.settle(chain.call('1:'))).toBe('1:adbc')
  const [first, , second, third] = generations(chain)
  expect([first, second, third]).toEqual(before)
  await expect(mesh.settle(chain.addStage({ run: d }))).rejects.toMatchObject({ name: 'AlreadyExistsError' })
})

test('a stage that is stopped holds its items back until it is started again', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours })
  const chain = await withChain(mesh, 'one_for_one')
  await mesh.settle(chain.stopStage('b'))
  const call = chain.call('1:')
  await mesh.run(5_000)
  expect(chain.stages().map(({ workers }) => workers[0]?.kind)).toEqual(['running', 'stopped', 'running'])
  await mesh.settle(chain.restartStage('b'))
  expect(await mesh.settle(call)).toBe('1:abc')
})

test('a chain that is stopped keeps its items until it is restarted; one that was given up can be revived', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours })
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'words',
      strategy: 'rest_for_one',
      intensity: { restarts: 1, withinMs: 60_000 },
      stages: [{ run: a }, { run: b }],
    }),
  )
  traps.add('b x:a')
  traps.add('a y:')
  await mesh.settle(chain.call('x:'))
  await chain.send('y:')
  await mesh.until('it is given up', () => chain.status.kind === 'gave-up')
  await mesh.settle(chain.restart())
  expect(await mesh.settle(chain.call('z:'))).toBe('z:ab')
  await mesh.settle(chain.stop())
  expect(chain.status).toEqual({ kind: 'stopped' })
  await mesh.settle(mesh.node('n1').restartChain('words'))
  expect(await mesh.settle(chain.call('z:'))).toBe('z:ab')
})
