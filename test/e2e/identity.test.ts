/** Two real processes with one key: a data folder was copied to another machine. */

import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { PATIENCE } from '../patience.ts'
import { MeshProcess, untilAllSee } from './mesh-process.ts'
import { Lab, ipOf, whySkipped } from './namespaces.ts'

test.skipIf(whySkipped() !== undefined)(
  'of two processes with one key the newer one lives, and the older one is told',
  async () => {
    const lab = await Lab.create(3)
    const cluster = randomUUID()
    const folder = await mkdtemp(join(tmpdir(), 'meshvisor-identity-'))
    const addressOf = (machine: number): string => `/ip4/${ipOf(machine)}/tcp/7000`
    const processes: MeshProcess[] = []
    const start = async (
      machine: number,
      name: string,
      dataFolder: string,
      role: 'client' | 'member' = 'member',
    ): Promise<MeshProcess> => {
      const orders = { cluster, name, dataFolder, role, listen: addressOf(machine), seeds: [addressOf(1)] }
      const started = await MeshProcess.start(orders, lab.nameOf(machine))
      processes.push(started)
      return started
    }
    try {
      const witness = await start(1, 'witness', join(folder, 'witness'), 'client')
      const older = await start(2, 'older', join(folder, 'older'))
      await untilAllSee('both are up', processes, processes)
      const kinds = ['inline', 'thread', 'process']
      const diary = join(folder, 'diary')
      await witness.addDiarists(diary)
      expect(await older.workers()).toMatchObject({ inline: 1, threads: 1, processes: 1 })
      await cp(join(folder, 'older'), join(folder, 'copy'), { recursive: true })
      const newer = await start(3, 'newer', join(folder, 'copy'))
      expect(newer.id).toBe(older.id)
      await older.until('it is told', () => older.sightings.some(({ kind }) => kind === 'node:replaced'))
      await untilAllSee('the newer one is in its place', [witness, newer], [witness, newer])
      await older.until('its workers have stopped', () => older.sight.running.length === 0)
      const gone = { inline: 0, threads: 0, processes: 0, ending: 0, abandoned: 0 }
      await expect.poll(() => older.workers(), PATIENCE).toMatchObject(gone)
      const lines = (await readFile(diary, 'utf8')).trimEnd().split('\n')
      expect(lines.toSorted()).toEqual(kinds.flatMap(kind => [`${kind} abort`, `${kind} stopped`]).toSorted())
      expect(newer.sightings.map(({ kind }) => kind)).not.toContain('node:replaced')
    } finally {
      await Promise.all(processes.map(each => each.kill()))
      await lab.remove()
      await rm(folder, { recursive: true, force: true })
    }
  },
)

test.skipIf(whySkipped() !== undefined)(
  'of two processes with one key that are the whole mesh the newer one lives, and the older one ends with the error',
  async () => {
    const lab = await Lab.create(2)
    const cluster = randomUUID()
    const folder = await mkdtemp(join(tmpdir(), 'meshvisor-identity-'))
    const addressOf = (machine: number): string => `/ip4/${ipOf(machine)}/tcp/7000`
    const processes: MeshProcess[] = []
    const start = async (machine: number, name: string, seed: string): Promise<MeshProcess> => {
      const orders = {
        cluster,
        name,
        dataFolder: join(folder, name),
        listen: addressOf(machine),
        seeds: [seed],
      }
      const started = await MeshProcess.start(orders, lab.nameOf(machine))
      processes.push(started)
      return started
    }
    try {
      const older = await start(1, 'older', addressOf(2))
      await cp(join(folder, 'older'), join(folder, 'newer'), { recursive: true })
      const newer = await start(2, 'newer', older.address)
      expect(newer.id).toBe(older.id)
      await older.until('it is told', () => older.sightings.some(({ kind }) => kind === 'node:replaced'))
      expect(await older.call('any')).toMatch(/DuplicateIdentityError/)
      await untilAllSee('the newer one goes on', [newer], [newer])
      expect(newer.sightings.map(({ kind }) => kind)).not.toContain('node:replaced')
    } finally {
      await Promise.all(processes.map(each => each.kill()))
      await lab.remove()
      await rm(folder, { recursive: true, force: true })
    }
  },
)
