/** Inline code that lets nobody else run: it cannot be ended, but the mesh goes on without its node. */

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { MeshProcess, untilAllSee, untilOneEach } from './mesh-process.ts'

const WORKERS = Array.from({ length: 10 }, (_, index) => `w${index}`)

let folder: string
let processes: MeshProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshvisor-stall-'))
})

afterEach(async () => {
  await Promise.all(processes.map(process => process.kill()))
  processes = []
  await rm(folder, { recursive: true })
})

async function start(count: number): Promise<void> {
  const cluster = randomUUID()
  const seeds: string[] = []
  for (let n = 1; n <= count; n++) {
    const started = await MeshProcess.start({ cluster, name: `n${n}`, seeds })
    processes.push(started)
    seeds.push(started.address)
  }
  await untilAllSee('all are up', processes, processes)
}

const saw = ({ sightings }: MeshProcess, kind: string, about: string): boolean =>
  sightings.some(sighting => sighting.kind === kind && sighting.about === about)

test('an inline loop: the other node takes over what runs there, and the one that looped comes back and names the worker', async () => {
  await start(2)
  const [a, b] = processes
  if (a === undefined || b === undefined) throw new Error('two processes were started')
  await b.addWorkers(WORKERS.length)
  await untilOneEach('they have started', processes, WORKERS)
  // Keys are drawn anew for each run: either may have none.
  const [held, other] = a.sight.running.length > 0 ? [a, b] : [b, a]
  const [looping = ''] = held.sight.running
  const enough = join(folder, 'enough')
  const told = other.loop(looping, enough)
  await other.until('the other suspects it', () => saw(other, 'member:suspect', held.name))
  await other.until('the other takes it for dead', () => saw(other, 'member:dead', held.name))
  expect(await told).toEqual({ name: 'NodeLostError', maybeExecuted: true })
  await other.until('the other runs everything', () => other.sight.running.join() === WORKERS.join())
  // Also the worker that loops over there: a new one, that does not.
  for (const worker of WORKERS) expect(await other.call(worker)).toBe(other.pid)
  expect(held.sightings.filter(({ kind }) => kind === 'node:stalled')).toEqual([])

  await writeFile(enough, '')
  await untilAllSee('the loop is over', processes, processes)
  await held.until('it names the worker', () => saw(held, 'node:stalled', looping))
  await untilOneEach('the loop is over', processes, WORKERS)
  for (const worker of WORKERS) expect(await held.call(worker)).toBeTypeOf('number')
})

test('an inline loop on a node by itself: when it is over, everything goes on, and the worker is named', async () => {
  await start(1)
  const [only] = processes
  if (only === undefined) throw new Error('a process was started')
  await only.addWorkers(WORKERS.length)
  const enough = join(folder, 'enough')
  const told = only.loop('w3', enough)
  const call = only.call('w5')
  await writeFile(enough, '')
  expect(await told).toBe('answered')
  expect(await call).toBe(only.pid)
  await only.until('it names the worker', () => saw(only, 'node:stalled', 'w3'))
  expect(only.sight.running).toEqual(WORKERS)
})
