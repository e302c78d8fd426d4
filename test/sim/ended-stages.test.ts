import { describe, expect, test } from 'vitest'

import type { ChainHandle } from '../../src/node/chain-handle.ts'
import { defineStage } from '../../src/node/workers/behaviours.ts'
import type { StageContext } from '../../src/node/workers/context.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Adds one; ends for good at -9, and crashes at what else is negative. */
const plus = defineStage('plus', (n: number, context) => {
  if (n === -9) context.stop('normal')
  else if (n < 0) throw new Error('negative')
  return n + 1
})
const times = defineStage('times', (n: number) => n * 10)
const slow = defineStage('slow', async (n: number, context) => {
  await context.sleep(20)
  return n * 10
})
const file = defineStage('file', (_n: number) => {})
const behaviours = [plus, times, slow, file]

const mortal = { id: 'p', run: plus, restart: 'temporary' } as const
const next = { id: 'q', run: times } as const
const numbers = Array.from({ length: 40 }, (_, n) => n)

async function withMesh(nodes: number, use: (mesh: SimulatedMesh) => Promise<void>): Promise<void> {
  await using mesh = await simulate({ nodes, behaviours })
  await allSeeAll(mesh)
  await use(mesh)
}

/** Ends the stage, with nothing put in. */
async function end(mesh: SimulatedMesh, chain: ChainHandle<number, number>, stage = 'p'): Promise<void> {
  await mesh.settle(chain.send(-9, { to: stage }))
  await mesh.until('the stage has ended', () => isEnded(chain, stage))
  await mesh.until('the item is through', () => chain.stats.finished === 1)
}

function isEnded(chain: ChainHandle<number, number>, stage: string): boolean {
  const workers = chain.stages().find(({ id }) => id === stage)?.workers ?? []
  return workers.length > 0 && workers.every(({ kind }) => kind === 'ended')
}

describe.each([1, 3])('a stage that has ended for good is passed over, with %i node(s)', nodes => {
  test.each([
    ['one_for_one', 1],
    ['one_for_all', 1],
    ['one_for_one', 2],
  ] as const)('the first one, after a crash (%s, %i workers)', async (strategy, workers) => {
    await withMesh(nodes, async mesh => {
      const stages = [{ ...mortal, workers }, next] as const
      const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', strategy, stages }))
      // Its worker crashes at it, and there is no other one to crash; or there is, and that is twice.
      expect(await mesh.settle(chain.call(-5))).toBe(-50)
      expect(isEnded(chain, 'p')).toBe(true)
      expect(await mesh.settle(chain.call(3))).toBe(30)
      expect(chain.status.kind).toBe('running')
      expect(chain.stats).toMatchObject({ accepted: 2, finished: 2, dead: 0 })
    })
  })

  test('the item is dead all the same where it has had as many tries as it may have', async () => {
    await withMesh(nodes, async mesh => {
      const node = mesh.node('n1')
      for (const [attemptsMax, workers] of [
        [1, 1],
        [2, 2],
      ] as const) {
        const stages = [{ ...mortal, workers }, next] as const
        const chain = await mesh.settle(node.addChain({ id: `c${workers}`, attemptsMax, stages }))
        await expect(mesh.settle(chain.call(-5))).rejects.toMatchObject({ name: 'ItemDeadError' })
        await mesh.until('it has ended', () => isEnded(chain, 'p'))
        expect(await mesh.settle(chain.call(3))).toBe(30)
        expect(chain.stats).toMatchObject({ accepted: 2, finished: 1, dead: 1 })
      }
    })
  })

  test.each([
    ['first', [mortal, next], 30],
    ['middle', [{ ...next, id: 'o' }, mortal, next], 300],
    ['last', [next, mortal], 30],
  ] as const)('the %s one, by its own wish, and items sent into it too', async (_, stages, outcome) => {
    await withMesh(nodes, async mesh => {
      const chain: ChainHandle<number, number> = await mesh.settle(
        mesh.node('n1').addChain({ id: 'c', stages }),
      )
      await end(mesh, chain)
      for (const id of mesh.ids) {
        const here = mesh.node(id).getChain<number, number>('c')
        await mesh.until('it is known here', () => isEnded(here, 'p'))
        expect(await mesh.settle(here.call(3))).toBe(outcome)
        expect(await mesh.settle(here.call(3, { to: 'p' }))).toBe(stages.at(-1)?.id === 'p' ? 3 : 30)
        expect(await mesh.settle(here.call(3, { to: 'q' }))).toBe(30)
        const sent = here.stats.finished
        await mesh.settle(here.send(3, { to: 'p' }))
        await mesh.until('it is through', () => here.stats.finished === sent + 1)
      }
    })
  })

  test('what goes to it and to the next one goes one way, in order, and nothing is lost', async () => {
    await withMesh(nodes, async mesh => {
      const stages = [mortal, { id: 'q', run: slow, queueItems: 2 }] as const
      const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages }))
      await end(mesh, chain)
      for (const id of mesh.ids) {
        const here = mesh.node(id).getChain<number, number>('c')
        await mesh.until('it is known here', () => isEnded(here, 'p'))
        const came: number[] = []
        const calls = numbers.map(n =>
          here.call(n, n % 2 === 0 ? {} : { to: 'q' }).then(outcome => came.push(outcome)),
        )
        await mesh.settle(Promise.all(calls))
        expect(came).toEqual(numbers.map(n => n * 10))
      }
    })
  })

  test('for what was on its way when it ended, too: one outcome each, in order', async () => {
    await withMesh(nodes, async mesh => {
      const stages = [mortal, { id: 'q', run: slow, queueItems: 2 }] as const
      const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages }))
      const items = [...numbers, -5, ...numbers]
      const collect = async (): Promise<number[]> => {
        const outcomes: number[] = []
        for await (const outcome of chain.run(items)) outcomes.push(outcome)
        return outcomes
      }
      const outcomes = await mesh.settle(collect())
      expect(outcomes).toHaveLength(items.length)
      // Whoever was through before has had one added; from the one that it ended at, nobody has.
      for (const [at, n] of items.entries()) expect([n * 10, (n + 1) * 10]).toContain(outcomes[at])
      expect(outcomes[0]).toBe(10)
      expect(outcomes.slice(numbers.length)).toEqual(items.slice(numbers.length).map(n => n * 10))
      expect(chain.stats).toMatchObject({ accepted: items.length, finished: items.length, dead: 0 })
    })
  })

  test('until it is restarted', async () => {
    await withMesh(nodes, async mesh => {
      const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [mortal, next] }))
      await end(mesh, chain)
      expect(await mesh.settle(chain.call(3))).toBe(30)
      await mesh.settle(chain.restartStage('p'))
      expect(await mesh.settle(chain.call(3))).toBe(40)
    })
  })

  test('with onFinish, nothing is left to run it for an item sent into the last one: an error says so', async () => {
    await withMesh(nodes, async mesh => {
      const spec = { id: 'c', stages: [next, { ...mortal, id: 'p' }], onFinish: file } as const
      const chain: ChainHandle<number, number> = await mesh.settle(mesh.node('n1').addChain(spec))
      const crashed = mesh.settle(chain.call(-5, { to: 'p' }))
      await expect(crashed).rejects.toMatchObject({ name: 'ItemDeadError', maybeExecuted: true })
      expect(chain.stats).toMatchObject({ accepted: 1, dead: 1 })
      await expect(mesh.settle(chain.call(3, { to: 'p' }))).rejects.toMatchObject({ name: 'RouteError' })
      expect(chain.stats).toMatchObject({ accepted: 1, dead: 1 })
      expect(await mesh.settle(chain.call(3))).toBe(30)
    })
  })

  test('where all have ended, whoever waits is told that the chain is done', async () => {
    await withMesh(nodes, async mesh => {
      const stages = [mortal, { ...mortal, id: 'r' }] as const
      const chain: ChainHandle<number, number> = await mesh.settle(
        mesh.node('n1').addChain({ id: 'c', stages }),
      )
      await expect(mesh.settle(chain.call(-5))).rejects.toMatchObject({ name: 'GivenUpError' })
      expect(chain.status.kind).toBe('done')
      await expect(mesh.settle(chain.call(3))).rejects.toMatchObject({ name: 'GivenUpError' })
    })
  })
})

describe('items that flow while a stage ends', () => {
  interface Reading {
    readonly key: number
    readonly n: number
  }
  const readings = Array.from({ length: 120 }, (_, n): Reading => ({ n, key: n % 5 }))
  const shutAt = new Set([17, 60])

  /** A keyed chain behind a gate, and what has been done for the first time, in order, by stage, sender and key. */
  class Line {
    readonly done = new Map<string, number[]>()
    readonly shut = new Set<number>()
    readonly gate = defineStage(
      'gate',
      (item: Reading, context) => {
        if (shutAt.has(item.n) && !this.shut.has(item.n)) {
          this.shut.add(item.n)
          throw new Error('shut')
        }
        this.#note(context, 'gate', item)
        return item
      },
      { key: item => item.key },
    )
    readonly sort = defineStage(
      'sort',
      (item: Reading, context) => {
        this.#note(context, 'sort', item)
        return item
      },
      { key: item => item.key },
    )
    readonly pack = defineStage(
      'pack',
      async (item: Reading, context) => {
        await context.sleep(context.random.below(6))
        this.#note(context, 'pack', item)
        return item.n
      },
      { key: item => item.key },
    )

    get behaviours() {
      return [this.gate, this.sort, this.pack]
    }

    async declare(mesh: SimulatedMesh): Promise<ChainHandle<Reading, number>> {
      const keyed = { route: 'key', queueItems: 6 } as const
      return await mesh.settle(
        mesh.node('n1').addChain({
          id: 'line',
          strategy: 'one_for_one',
          stages: [
            { ...keyed, id: 'gate', run: this.gate, restart: 'temporary' },
            { ...keyed, id: 'sort', run: this.sort, workers: 2 },
            { ...keyed, id: 'pack', run: this.pack, workers: 3 },
          ],
        }),
      )
    }

    isInOrder(): boolean {
      return [...this.done.values()].every(list => list.every((n, at) => n > (list[at - 1] ?? -1)))
    }

    #note({ item }: StageContext, stage: string, { key, n }: Reading): void {
      const name = `${stage} ${item.origin} ${key}`
      const list = this.done.get(name) ?? []
      this.done.set(name, list)
      if (!list.includes(n)) list.push(n)
    }
  }

  async function collect(run: AsyncIterable<number>): Promise<number[]> {
    const outcomes: number[] = []
    for await (const outcome of run) outcomes.push(outcome)
    return outcomes
  }

  test.each([
    ['nothing else happens', async () => {}],
    [
      'the stage is restarted, ends and is restarted',
      async (mesh: SimulatedMesh, line: Line, chain: ChainHandle<Reading, number>) => {
        for (const count of [1, 2]) {
          await mesh.until('it has ended', () => line.shut.size === count && isShut(chain), 60_000)
          await mesh.settle(chain.restartStage('gate'))
        }
      },
    ],
    [
      'a node crashes',
      async (mesh: SimulatedMesh, _line: Line, chain: ChainHandle<Reading, number>) => {
        await mesh.until('it has ended', () => isShut(chain), 60_000)
        mesh.crash('n3')
      },
    ],
    [
      'the workers move off a node',
      async (mesh: SimulatedMesh, _line: Line, chain: ChainHandle<Reading, number>) => {
        await mesh.until('it has ended', () => isShut(chain), 60_000)
        await mesh.settle(mesh.node('n2').drain())
      },
    ],
  ])('each has one outcome, in order, for each key at each stage too: %s', async (_, disturb) => {
    const line = new Line()
    await using mesh = await simulate({ nodes: 3, behaviours: line.behaviours })
    await allSeeAll(mesh)
    const chain = await line.declare(mesh)
    const here = mesh.node('n2').getChain<Reading, number>('line')
    const runs = [collect(chain.run(readings)), collect(here.run(readings))]
    await disturb(mesh, line, chain)
    const outcomes = await mesh.settle(Promise.all(runs), 60_000)
    expect(outcomes).toEqual([readings.map(({ n }) => n), readings.map(({ n }) => n)])
    expect(line.shut.size).toBeGreaterThan(0)
    expect(line.done.size).toBeGreaterThanOrEqual(20)
    expect(line.isInOrder()).toBe(true)
    expect(chain.stats).toMatchObject({ accepted: 120, finished: 120, dead: 0 })
  })

  function isShut(chain: ChainHandle<Reading, number>): boolean {
    return chain.stages()[0]?.workers.every(({ kind }) => kind === 'ended') === true
  }
})
