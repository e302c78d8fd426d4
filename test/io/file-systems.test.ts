/** Data folders where the file system, or its owner, does not let a node do everything. */

import { randomBytes } from 'node:crypto'
import fs, { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { DataFolder } from '../../src/io/system/data-folder.ts'

/** Not done, and told as if it were. */
const IGNORED = vi.hoisted(() => 'ignored')

/** What the file system does not do → the code that it says. */
const refused = vi.hoisted(() => new Map<string, string>())

vi.mock(import('node:fs/promises'), async original => {
  const real = await original()
  const refuse = (name: string, code = refused.get(name)): Promise<never> =>
    Promise.reject(Object.assign(new Error(`${code}: not done, ${name}`), { code }))
  const may: Pick<typeof real, 'link' | 'chmod' | 'open'> = {
    link: (...given) => (refused.has('link') ? refuse('link') : real.link(...given)),
    open: async (...given) => {
      const handle = await real.open(...given)
      if (refused.has('write') && String(given[0]).endsWith('key')) handle.writeFile = () => refuse('write')
      return handle
    },
    chmod: (...given) => {
      if (refused.get('chmod') === IGNORED) return Promise.resolve()
      return refused.has('chmod') ? refuse('chmod') : real.chmod(...given)
    },
  }
  return { ...real, ...may }
})

/** What happens whenever the code under test begins to wait. */
const onWait = vi.hoisted(() => ({ run: async (): Promise<void> => {} }))

vi.mock(import('node:timers/promises'), async original => {
  const real = await original()
  return {
    ...real,
    setTimeout: async (...given) => {
      await onWait.run()
      return real.setTimeout(...given)
    },
  }
})

let above: string
const warnings: string[] = []
const startedIn = process.cwd()

beforeEach(async () => {
  above = await mkdtemp(join(tmpdir(), 'meshvisor-'))
  warnings.length = 0
})

afterEach(async () => {
  refused.clear()
  onWait.run = async () => {}
  process.chdir(startedIn)
  await rm(above, { recursive: true, force: true })
})

async function keyIn(path: string): Promise<Uint8Array> {
  const folder = await open(path)
  await folder.close()
  return folder.key
}

function open(path: string, makeKey = async (): Promise<Uint8Array> => randomBytes(36)): Promise<DataFolder> {
  return DataFolder.open({
    path,
    makeKey,
    idOf: () => 'me',
    wallMs: Date.now,
    onWarning: message => warnings.push(message),
  })
}

// As FAT and network drives, exFAT on Windows, and Android say it.
test.each(['EPERM', 'EISDIR', 'EACCES'])(
  'a key is kept where the file system has no links and says %s, and never written over',
  async code => {
    refused.set('link', code)
    const path = join(above, 'data')
    const key = await keyIn(path)
    expect(key).toHaveLength(36)
    expect(await keyIn(path)).toEqual(key)
    expect((await stat(join(path, 'key'))).mode & 0o777).toBe(0o600)
    expect((await fs.readdir(path)).filter(name => name.startsWith('key'))).toEqual(['key'])
  },
)

test('a key for which there is no room leaves nothing behind where there are no links', async () => {
  refused.set('link', 'EPERM').set('write', 'ENOSPC')
  const path = join(above, 'data')
  await expect(keyIn(path)).rejects.toThrow(/no room left/)
  expect(await fs.readdir(path)).toEqual([])
  refused.delete('write')
  expect(await keyIn(path)).toHaveLength(36)
})

test('a key that was never written, as the power went, is made anew, and told of', async () => {
  const path = join(above, 'data')
  await fs.mkdir(path)
  await fs.writeFile(join(path, 'key'), '')
  const key = await keyIn(path)
  expect(key).toHaveLength(36)
  expect(await keyIn(path)).toEqual(key)
  expect(warnings).toEqual([expect.stringMatching(/the key in .* was empty/)])
})

test('a key that another one is writing is waited for', async () => {
  const path = join(above, 'data')
  await fs.mkdir(path)
  await fs.writeFile(join(path, 'key'), '', { mode: 0o600 })
  onWait.run = () => fs.writeFile(join(path, 'key'), 'theirs')
  expect(Buffer.from(await keyIn(path)).toString()).toBe('theirs')
  expect(warnings).toEqual([])
})

test('a key that was never written, and that two make anew at one moment, is the same for both', async () => {
  const path = join(above, 'data')
  await fs.mkdir(path)
  await fs.writeFile(join(path, 'key'), '')
  let theirs: Uint8Array | undefined
  // The other one has found it empty as well, and is through before this one has its draft.
  const ours = await open(path, async () => {
    theirs = await keyIn(path)
    return randomBytes(36)
  })
  await ours.close()
  expect(theirs).toHaveLength(36)
  expect(ours.key).toEqual(theirs)
  expect(warnings).toEqual([expect.stringMatching(/the key in .* was empty/)])
  expect((await fs.readdir(path)).filter(name => name.startsWith('key'))).toEqual(['key'])
})

test('a key of another user that cannot be made private is used, and told of', async () => {
  const path = join(above, 'data')
  const key = await keyIn(path)
  await chmod(join(path, 'key'), 0o644)
  refused.set('chmod', 'EPERM')
  expect(await keyIn(path)).toEqual(key)
  expect(warnings).toEqual([
    expect.stringMatching(/others could read the key .* cannot be made private.*EPERM/),
  ])
})

test('a key on a file system that ignores modes, as FAT on Linux, is not said to have been made private', async () => {
  const path = join(above, 'data')
  const key = await keyIn(path)
  await chmod(join(path, 'key'), 0o755)
  refused.set('chmod', IGNORED)
  expect(await keyIn(path)).toEqual(key)
  expect(warnings).toEqual([expect.stringMatching(/others could read the key .* cannot be made private/)])
})

test('a folder named by a relative path stays where it was when the process goes elsewhere', async () => {
  process.chdir(above)
  const folder = await open('data')
  expect(folder.path).toBe(join(process.cwd(), 'data'))
  process.chdir(startedIn)
  folder.remember('someone', ['/ip4/10.0.0.5/tcp/7000'])
  await folder.close()
  expect(await fs.readdir(join(above, 'data'))).toContain('peers.json')
  expect(warnings).toEqual([])
})
