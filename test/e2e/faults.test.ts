/** Real processes that are frozen, kept busy and killed. How fast the mesh is about it, `bench` measures. */

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import {
  MeshProcess,
  countOf,
  oneWithWorkers,
  untilAllSee,
  untilNobodyIsSuspected,
  untilOneEach,
} from './mesh-process.ts'

const WORKERS = Array.from({ length: 15 }, (_, index) => `w${index}`)

describe('five processes with fifteen workers', () => {
  let processes: readonly MeshProcess[]

  beforeEach(async () => {
    const cluster = randomUUID()
    const first = await MeshProcess.start({ cluster, name: 'n1', seeds: [] })
    const others = await Promise.all(
      ['n2', 'n3', 'n4', 'n5'].map(name => MeshProcess.start({ cluster, name, seeds: [first.address] })),
    )
    processes = [first, ...others]
    await untilAllSee('all are up', processes, processes)
    await first.addWorkers(WORKERS.length)
    await untilOneEach('they have started', processes, WORKERS)
  })

  afterEach(async () => {
    for (const process of processes) process.thaw()
    await Promise.all(processes.map(process => process.kill()))
  })

  test('route around one that is frozen, and take it back when it thaws, with each worker in one place', async () => {
    const [first] = processes
    if (first === undefined) throw new Error('no processes')
    const frozen = oneWithWorkers(processes)
    const others = processes.filter(process => process !== frozen)
    const lost = frozen.sight.running
    frozen.freeze()
    for (const worker of lost) expect(others.map(({ pid }) => pid)).toContain(await first.call(worker))
    await untilOneEach('it is frozen', others, WORKERS)
    frozen.thaw()
    await untilAllSee('it has thawed', processes, processes)
    await untilOneEach('it has thawed', processes, WORKERS)
    for (const worker of WORKERS) expect(await first.call(worker)).toBeTypeOf('number')
  })

  test('do not fill their memory for one that does not read: what is sent to it is refused', async () => {
    const [first] = processes
    const second = oneWithWorkers(processes)
    const worker = second.sight.running[0] ?? ''
    second.freeze()
    const flood = await first?.flood(worker)
    expect(flood).toMatchObject({ why: 'OverloadedError' })
    expect(Reflect.get(Object(flood), 'bytes')).toBeLessThan(48 * 1024 * 1024)
  })

  test('believe in one whose event loop is busy nine tenths of the time', async () => {
    const [first] = processes
    const busy = oneWithWorkers(processes)
    // More than three times as long as a silent one is believed in.
    await busy.burn(0.9, 8_000)
    // It was held up for long enough to be noticed.
    expect(countOf('node:stalled', [busy])).toBeGreaterThan(0)
    await untilNobodyIsSuspected(processes)
    expect(countOf('member:dead', processes)).toBe(0)
    expect(await first?.call(busy.sight.running[0] ?? '')).toBe(busy.pid)
  })

  test('see the death of one that is killed, all of them, and run its workers elsewhere', async () => {
    const victim = oneWithWorkers(processes)
    const others = processes.filter(process => process !== victim)
    await victim.kill()
    const isTold = ({ sightings }: MeshProcess): boolean =>
      sightings.some(({ kind, about }) => kind === 'member:dead' && about === victim.name)
    await Promise.all(others.map(process => process.until('it is told of the death', () => isTold(process))))
    await untilAllSee('one is dead', others, others)
    await untilOneEach('one is dead', others, WORKERS)
    const pids = others.map(({ pid }) => pid)
    for (const worker of WORKERS) expect(pids).toContain(await others[0]?.call(worker))
  })
})
