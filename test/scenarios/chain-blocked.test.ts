/** A stage that waits for room in the queue of the next one, and is taken away: line 66 of the behavioural scenarios. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { PATIENCE, PATIENCE_MS } from '../patience.ts'
import { eventsOf, numbers, quiet, scene } from './chain-workers.ts'
import { OUTPUTS, sluice, spout } from './containment-workers.ts'
import { localNode } from '../local-node.ts'

const MODULE = new URL('containment-workers.ts', import.meta.url).href

test.each(['inline', 'thread', 'process'] as const)(
  '66: a stage that waits for room is killed (%s), and comes back: its item goes on, and later ones pass',
  async isolation => {
    const folder = await mkdtemp(join(tmpdir(), 'meshvisor-blocked-'))
    const file = join(folder, 'item')
    const log = async (): Promise<number[]> => {
      const text = await readFile(`${file} log`, 'utf8').catch(() => '')
      return text.trim().split(' ').map(Number)
    }
    await using node = await localNode({ behaviours: [MODULE] })
    const chain = await node.addChain({
      id: 'c',
      strategy: 'one_for_one',
      stages: [
        { id: 'spout', run: spout, isolation, queueItems: 1 },
        { id: 'sluice', run: sluice, queueItems: 1 },
      ],
    })
    const generations = () => chain.stages().map(({ workers }) => workers[0]?.generation)
    const lives: string[] = []
    node.on('worker:start', ({ slot }) => lives.push(`started ${slot}`))
    node.on('worker:exit', ({ slot, exit }) => lives.push(`${exit.kind} ${slot}`))
    const outcome = chain.call(file, { timeoutMs: PATIENCE_MS })
    // One is at the sluice, one in its queue: the third waits.
    await expect.poll(async () => (await log()).length, PATIENCE).toBeGreaterThanOrEqual(3)
    expect((await log()).length).toBeLessThan(OUTPUTS)
    await writeFile(`${file} crash`, '')
    await expect.poll(() => lives, PATIENCE).toEqual(['crashed c/spout/0', 'started c/spout/0'])
    await writeFile(`${file} open`, '')
    expect(await outcome).toEqual(numbers(OUTPUTS))
    expect(await chain.call(file)).toEqual(numbers(OUTPUTS))
    expect(lives).toHaveLength(2)
    expect(generations()).toEqual([2, 1])
    expect(chain.stats).toMatchObject({ accepted: 2, finished: 2, dead: 0 })
    await rm(folder, { recursive: true })
  },
)

test.each(['restarted', 'stopped and started'])(
  '66: a stage that waits for room is %s: it goes at once, comes back, and later items pass',
  async how => {
    await using it = await scene()
    const { mesh, notes } = it
    const chain = await mesh.settle(
      mesh.node('n1').addChain({
        id: 'c',
        stages: [
          { run: notes.twice, queueItems: 1 },
          { id: 'slow', run: notes.pause, queueItems: 1 },
        ],
        onFinish: notes.store,
      }),
    )
    const stateOf = () => chain.stages().map(({ workers }) => [workers[0]?.kind, workers[0]?.generation])
    await mesh.settle(Promise.all(numbers(6).map(n => chain.send(n))))
    await mesh.until('one is through', () => notes.finished.length === 1)
    const exits = eventsOf(mesh, 'worker:exit')
    const startedMs = mesh.nowMs
    if (how === 'restarted') await mesh.settle(chain.restartStage('twice'))
    else {
      await mesh.settle(chain.stopStage('twice'))
      expect(stateOf()).toEqual([
        ['stopped', undefined],
        ['running', 1],
      ])
      // Nothing comes from a stage that is stopped.
      await mesh.run(1_000)
      const finished = [...notes.finished]
      await mesh.run(10_000)
      expect(notes.finished).toEqual(finished)
      expect(new Set(finished).size).toBeLessThan(12)
      await mesh.settle(chain.restartStage('twice'))
    }
    // Not by way of the 5 s that it may take to stop.
    if (how === 'restarted') expect(mesh.nowMs - startedMs).toBeLessThan(100)
    expect(exits).toMatchObject([{ slot: 'c/twice/0', exit: { kind: 'stopped' } }])
    expect(mesh.node('n1').snapshot().workers.abandoned).toBe(0)
    expect(stateOf()).toMatchObject([
      ['running', how === 'restarted' ? 2 : 3],
      ['running', 1],
    ])
    await mesh.settle(chain.send(6))
    await quiet(mesh, chain)
    expect(new Set(notes.finished)).toEqual(new Set(numbers(7).flatMap(n => [n, n + 1_000])))
    // What was repeated, can be told from its name.
    expect(new Set(notes.finishedIds).size).toBe(14)
    expect(chain.stats).toMatchObject({ accepted: 7, finished: 7, dead: 0, dropped: 0 })
  },
)
