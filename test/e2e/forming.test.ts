/** Real processes that start in whichever order and become one mesh. How fast they are, `bench` measures. */

import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'

import { freePort } from '../io/harnesses.ts'
import { MeshProcess, untilAllSee, untilOneEach } from './mesh-process.ts'

const processes: MeshProcess[] = []

afterEach(async () => {
  await Promise.all(processes.splice(0).map(process => process.kill()))
})

/** Starts processes `n1` … that all have the same seed, the address at which the first of them listens. */
async function start(cluster: string, names: readonly string[], seed: string): Promise<MeshProcess[]> {
  const started = await Promise.all(
    names.map(name => {
      const orders = { cluster, name, seeds: [seed] }
      return MeshProcess.start(name === 'n1' ? { ...orders, listen: seed } : orders)
    }),
  )
  processes.push(...started)
  return started
}

const seedAddress = async (): Promise<string> => `/ip4/127.0.0.1/tcp/${await freePort()}`

test.each([3, 10])(
  '%i processes that start at the same moment, the seed among them, all see all, and share the work',
  async count => {
    const names = Array.from({ length: count }, (_, index) => `n${index + 1}`)
    const started = await start(randomUUID(), names, await seedAddress())
    await untilAllSee('all are up', started, started)
    const workers = Array.from({ length: 3 * count }, (_, index) => `w${index}`)
    await started[0]?.addWorkers(workers.length)
    await untilOneEach('they have started', started, workers)
    for (const { sightings } of started)
      expect(sightings.map(({ kind }) => kind)).not.toContain('member:dead')
  },
)

test('processes whose only seed is not there yet say so, work on, each alone, and are one mesh when it comes', async () => {
  const [cluster, seed] = [randomUUID(), await seedAddress()]
  const early = await start(cluster, ['n2', 'n3'], seed)
  for (const each of early) {
    const saysSo = (): string | undefined => each.said.find(text => text.startsWith('no session with'))
    await each.until('it says that nobody is there', () => saysSo() !== undefined)
    expect(saysSo()).toContain(
      `"to":"${seed}","reason":"nobody listens there: start the node, or correct the port"`,
    )
    expect(each.sight.alive).toEqual([each.name])
  }
  await early[0]?.addWorkers(3)
  const late = await start(cluster, ['n1'], seed)
  const all = [...early, ...late]
  await untilAllSee('the seed has come', all, all)
  await untilOneEach('the seed has come', all, ['w0', 'w1', 'w2'])
})

test('a process whose only seed is frozen keeps trying, says so, works alone, and joins when the seed goes on', async () => {
  const [cluster, seed] = [randomUUID(), await seedAddress()]
  const [rock] = await start(cluster, ['n1'], seed)
  if (rock === undefined) throw new Error('a process was started')
  rock.freeze()
  const [late] = await start(cluster, ['n2'], seed)
  if (late === undefined) throw new Error('a process was started')
  await late.addWorkers(3)
  const saysSo = (): string | undefined => late.said.find(text => text.startsWith('no session with'))
  await late.until('it says that nobody answers', () => saysSo() !== undefined)
  expect(saysSo()).toContain(`"to":"${seed}","reason":"no answer for 10 s, and it is still waited for`)
  expect(late.sight.alive).toEqual(['n2'])
  rock.thaw()
  await untilAllSee('the seed goes on', [rock, late], [rock, late])
  await untilOneEach('the seed goes on', [rock, late], ['w0', 'w1', 'w2'])
})
