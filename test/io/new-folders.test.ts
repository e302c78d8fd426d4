/** Several nodes of one machine make their data folders at one moment, below a folder that is not there yet. */

import { randomBytes } from 'node:crypto'
import type * as Files from 'node:fs/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect, test, vi } from 'vitest'

import { DataFolder } from '../../src/io/system/data-folder.ts'

const raced: string[] = []

// Another process makes the folder above right after this one was told that it is missing.
vi.mock('node:fs/promises', async importActual => {
  const actual = await importActual<typeof Files>()
  const mkdir = async (path: string, mode: number): Promise<void> => {
    await actual.mkdir(path, mode).catch(async (error: unknown) => {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      if (isMissing) {
        raced.push(path)
        await actual.mkdir(dirname(path), { recursive: true, mode })
      }
      throw error
    })
  }
  return { ...actual, mkdir }
})

test('whoever finds that another one has made the folder above meanwhile goes on in it', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'meshvisor-'))
  try {
    const path = join(parent, 'cluster', 'line-7', 'node-1')
    const opened = await DataFolder.open({
      path,
      makeKey: async () => randomBytes(36),
      idOf: () => 'me',
      wallMs: Date.now,
      onWarning: () => {},
    })
    await opened.close()
    expect(raced).toEqual([path])
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
})
