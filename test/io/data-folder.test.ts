/** What a node keeps between its runs, and who may use it. */

import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { AddressBook, KNOWN_PEERS_MAX, readAddressBook } from '../../src/io/system/address-book.ts'
import { DataFolder } from '../../src/io/system/data-folder.ts'
import { type LockKind, takeLock } from '../../src/io/system/lock.ts'
import { systemClock } from '../../src/io/system/system-clock.ts'
import type { Node } from '../../src/node/node.ts'
import type { NodeInit } from '../../src/node/options.ts'
import { areNamespacesExpected } from '../e2e/namespaces.ts'
import { localNode } from '../local-node.ts'
import { freePort, until } from './harnesses.ts'

const NOBODY = '65534'
const isRoot = process.getuid?.() === 0
const canMount = areNamespacesExpected || spawnSync('unshare', ['-m', 'true']).status === 0

let folder: string
const warnings: string[] = []
const nodes: Node[] = []

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'meshvisor-')), 'data')
  warnings.length = 0
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  await rm(join(folder, '..'), { recursive: true, force: true })
})

async function start(more: NodeInit = {}): Promise<Node> {
  const node = await localNode({ cluster: 'folders', ...more })
  nodes.push(node)
  return node
}

async function stop(node: Node): Promise<void> {
  nodes.splice(nodes.indexOf(node), 1)
  await node.stop()
}

function open(makeKey = async () => randomBytes(36), wallMs = Date.now): Promise<DataFolder> {
  return DataFolder.open({
    path: folder,
    makeKey,
    idOf: () => 'me',
    wallMs,
    onWarning: message => warnings.push(message),
  })
}

test('a node with a data folder is the same node when it runs again, and a new one without', async () => {
  const first = await start({ dataFolder: folder })
  const { id } = first
  await stop(first)
  expect((await start({ dataFolder: folder })).id).toBe(id)
  expect((await start()).id).not.toBe(id)
})

test('each run that uses a folder has a larger number than the one before, also by a clock that was set back', async () => {
  let wallMs = 5_000
  const boots: number[] = []
  const run = async (): Promise<void> => {
    const onWarning = (message: string): number => warnings.push(message)
    const makeKey = async (): Promise<Uint8Array> => randomBytes(36)
    const opened = await DataFolder.open({
      path: folder,
      makeKey,
      idOf: () => 'me',
      wallMs: () => wallMs,
      onWarning,
    })
    boots.push(opened.boot)
    await opened.close()
  }
  await run()
  wallMs = 1_000
  await run()
  await run()
  wallMs = 9_000
  await run()
  await writeFile(join(folder, 'boot'), 'nonsense')
  await run()
  expect(boots).toEqual([5_000, 5_001, 5_002, 9_000, 9_000])
  expect(warnings).toEqual([expect.stringContaining('boot holds "nonsense"')])
})

test('the key is readable by its owner only, and is made so again if it was not', async () => {
  await (await open()).close()
  const file = join(folder, 'key')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  await chmod(file, 0o644)
  await (await open()).close()
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(warnings.join()).toMatch(/others could read the key/)
})

test('a node that cannot listen leaves its folder free', async () => {
  const other = await start()
  const taken = other.addresses[0]?.split('/p2p/')[0] ?? ''
  await expect(start({ dataFolder: folder, listen: [taken] })).rejects.toMatchObject({ name: 'ListenError' })
  await start({ dataFolder: folder })
})

test.each<LockKind>(['abstract', 'file'])(
  'a lock (%s) is held by one, also over processes, and is free once its process was killed',
  async kind => {
    await (await open()).close()
    const name = `test-${process.pid}-${kind}`
    const child = fork(new URL('lock-child.ts', import.meta.url), [folder, name, kind])
    await once(child, 'message')
    expect(await takeLock({ folder, name, kind }, () => {})).toBeUndefined()
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    const lock = await takeLock({ folder, name, kind }, () => {})
    expect(lock).toBeDefined()
    expect(await takeLock({ folder, name, kind }, () => {})).toBeUndefined()
    await lock?.release()
    const again = await takeLock({ folder, name, kind }, () => {})
    expect(again).toBeDefined()
    await again?.release()
  },
)

test('a damaged key is an error that says what to do, not a new identity', async () => {
  await (await open()).close()
  await writeFile(join(folder, 'key'), 'nonsense')
  await expect(start({ dataFolder: folder })).rejects.toMatchObject({
    name: 'DataFolderError',
    message: expect.stringMatching(/key in .* is damaged: restore it/),
  })
})

test('a wall clock before 1970 is refused at the start', async () => {
  const wall = vi.spyOn(systemClock, 'wallMs').mockReturnValue(-1_000)
  try {
    await expect(start()).rejects.toMatchObject({
      name: 'ClockError',
      message: expect.stringMatching(/found .*-1000 ms since 1970, wanted .*set the clock/),
    })
  } finally {
    wall.mockRestore()
  }
})

describe('a folder that cannot be used is an error that names it, and says what to do:', () => {
  /** Beside the folder, in what is thrown away with it. */
  const beside = (name: string): string => join(folder, '..', name)

  async function refused(path: string, reason: RegExp): Promise<void> {
    await expect(start({ dataFolder: path })).rejects.toMatchObject({
      name: 'DataFolderError',
      message: expect.stringMatching(reason),
    })
    await expect(start({ dataFolder: path })).rejects.toThrow(path)
  }

  test('a file', async () => {
    await writeFile(beside('file'), '')
    await refused(beside('file'), /a file of that name, wanted a folder/)
  })

  test('a path through a file', async () => {
    await writeFile(beside('file'), '')
    await refused(beside('file/data/deep'), /a part of the path is a file/)
  })

  test('a link to nothing, as the folder and above it', async () => {
    await symlink(beside('nothing'), beside('link'))
    await refused(beside('link'), /no folder can be made there .*link to nothing/)
    await refused(beside('link/data'), /no folder can be made there/)
  })

  test('a number of the last run that has no next one', async () => {
    await stop(await start({ dataFolder: folder }))
    for (const number of [String(2 ** 52), '9007199254740991', '9007199254740993', '1e300']) {
      await writeFile(join(folder, 'boot'), number)
      await refused(folder, /boot holds .*, wanted the number of the last run.*remove that file/)
    }
    await writeFile(join(folder, 'boot'), String(2 ** 52 - 1))
    await stop(await start({ dataFolder: folder }))
    await refused(folder, /boot holds 4503599627370496/)
  })

  test('a circle of links', async () => {
    await symlink(beside('two'), beside('one'))
    await symlink(beside('one'), beside('two'))
    await refused(beside('one/data'), /circle/)
  })

  test('a name that is too long', async () => {
    await refused(beside('a'.repeat(300)), /too long/)
  })

  test('a path with a zero in it', async () => {
    await refused(`${folder}\0x`, /number 0/)
  })

  test('a pipe, a folder and too large a file where the key belongs', async () => {
    await (await open()).close()
    const key = join(folder, 'key')
    await rm(key)
    execFileSync('mkfifo', [key])
    await refused(folder, /key is no file: move it away/)
    await rm(key)
    await mkdir(key)
    await refused(folder, /key is no file: move it away/)
    await rm(key, { recursive: true })
    await writeFile(key, '')
    await truncate(key, 1e9)
    await refused(folder, /key has more than .* bytes/)
  })

  /** What a process of its own is told. Root may do everything, so that it becomes nobody where it is to be kept out. */
  async function toldInChild(path: string, prepare?: string): Promise<{ said: string; left: string[] }> {
    const file = fileURLToPath(new URL('folder-child.ts', import.meta.url))
    const own = [process.execPath, file, path]
    const [program = '', ...args] =
      prepare === undefined
        ? [...own, isRoot ? NOBODY : '']
        : ['unshare', '-m', 'sh', '-c', `${prepare} && exec "$0" "$1" "$2"`, ...own]
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const [told]: unknown[] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the child has ended: ${String(code)}`))),
    ])
    return v.parse(v.object({ said: v.string(), left: v.array(v.string()) }), told)
  }

  test('one that this process may not write to, and one in it', async () => {
    await chmod(beside('.'), 0o755)
    await mkdir(folder, 0o500)
    for (const path of [folder, join(folder, 'data')]) {
      const { said } = await toldInChild(path)
      expect(said).toMatch(/^DataFolderError: .*may not read or write there: give it the right to/)
      expect(said).toContain(path)
    }
  })

  test('one with a key that this process may not read', async () => {
    await chmod(beside('.'), 0o755)
    await (await open()).close()
    await chmod(folder, 0o777)
    await chmod(join(folder, 'key'), 0o000)
    expect((await toldInChild(folder)).said).toMatch(
      /^DataFolderError: .*may not read or write there: give it the right to.*EACCES.*key/,
    )
  })

  // Only root can make such file systems; they are gone with the child that has them.
  test.runIf(canMount)(
    'one in a file system that is full, where nothing is left behind, or read-only',
    async () => {
      await mkdir(folder)
      const fill = 'mount -t tmpfs -o size=4k tmpfs "$2" && head -c 4096 /dev/zero > "$2/filler"'
      expect(await toldInChild(folder, fill)).toEqual({
        said: expect.stringMatching(/^DataFolderError: .*no room left there: make room.*ENOSPC/),
        left: ['filler'],
      })
      const { said } = await toldInChild(folder, 'mount -t tmpfs -o ro tmpfs "$2"')
      expect(said).toMatch(/^DataFolderError: .*read-only: name a folder that can be written to.*EROFS/)
    },
  )

  test.runIf(process.platform === 'linux')('what the kernel has made', async () => {
    await refused('/dev/null', /a file of that name/)
    await refused('/dev/null/data', /a part of the path is a file/)
    // With `recursive`, mkdir of Node never ends here.
    await refused('/proc/nope', /no folder can be made there/)
    await refused('/proc/1/nope/deeper', /no folder can be made there/)
    await refused('/sys/nope', /name another folder|may not read or write/)
  })
})

test('a folder that is taken away is told of, and the node goes on', async () => {
  const log: string[] = []
  const note = (_: object, message: string): number => log.push(message)
  const logger = { debug: () => {}, info: () => {}, warn: note, error: note }
  const first = await start({ dataFolder: folder, logger })
  await rm(folder, { recursive: true })
  const second = await start({ discovery: { mdns: false, seeds: [...first.addresses] } })
  await Promise.all([first.formed(2), second.formed(2)])
  await until('it is told', () => log.some(line => line.includes('could not be written')))
  expect(log.filter(line => line.includes('could not be written'))).toEqual([
    expect.stringContaining(`the addresses of the mesh could not be written to ${folder}`),
  ])
  expect(first.members()).toHaveLength(2)
})

test('a node that comes back finds the mesh by the addresses of its last run, without any seed', async () => {
  const address = `/ip4/127.0.0.1/tcp/${await freePort()}`
  const rock = await start({ listen: [address] })
  const first = await start({ dataFolder: folder, discovery: { mdns: false, seeds: [address] } })
  await first.formed(2)
  await stop(first)
  expect(JSON.parse(await readFile(join(folder, 'peers.json'), 'utf8'))).toMatchObject([{ id: rock.id }])
  const second = await start({ dataFolder: folder })
  await second.formed(2)
})

test('what is no list of addresses is an empty one', async () => {
  await (await open()).close()
  await writeFile(join(folder, 'peers.json'), '[{"id": 7}]')
  const opened = await open()
  expect(opened.peers()).toEqual([])
  await opened.close()
})

test('the list of addresses is bounded, forgets the oldest, and what is older than a month', () => {
  let nowMs = 1_000
  const book = new AddressBook([], () => nowMs++)
  for (let index = 0; index <= KNOWN_PEERS_MAX; index++)
    book.note(`peer${index}`, [`/ip4/10.0.0.1/tcp/${index}`])
  expect(book.peers()).toHaveLength(KNOWN_PEERS_MAX)
  expect(book.peers()[0]?.id).toBe(`peer${KNOWN_PEERS_MAX}`)
  expect(book.peers().some(({ id }) => id === 'peer0')).toBe(false)
  const text = new TextEncoder().encode(book.toText())
  expect(readAddressBook(text, () => nowMs).peers()).toEqual(book.peers())
  nowMs += 31 * 24 * 60 * 60 * 1000
  expect(readAddressBook(text, () => nowMs).peers()).toEqual([])
})

test('joins that come together are written together', async () => {
  const opened = await open()
  for (let index = 0; index < 50; index++) opened.remember(`peer${index}`, ['/ip4/10.0.0.1/tcp/1'])
  await until('it is written', () => opened.peers().length === 50)
  await opened.close()
  const again = await open()
  expect(again.peers()).toHaveLength(50)
  await again.close()
})

test('a member that came more than a month ago and was there since is not forgotten, and one that went then is', async () => {
  const dayMs = 24 * 60 * 60 * 1000
  let wallMs = Date.now()
  vi.useFakeTimers({ toFake: ['setInterval'] })
  try {
    const opened = await open(undefined, () => wallMs)
    opened.remember('steady', ['/ip4/10.0.0.1/tcp/1'])
    opened.remember('gone', ['/ip4/10.0.0.2/tcp/1'])
    opened.part('gone')
    for (let day = 0; day < 31; day++) {
      wallMs += dayMs
      vi.advanceTimersByTime(dayMs)
    }
    // As if the process were killed now.
    const file = join(folder, 'peers.json')
    await until('it is written', () => existsSync(file) && readFileSync(file, 'utf8').includes(`${wallMs}`))
    wallMs += 20 * dayMs
    await opened.close()
    const again = await open(undefined, () => wallMs)
    expect(again.peers().map(({ id }) => id)).toEqual(['steady'])
    await again.close()
  } finally {
    vi.useRealTimers()
  }
})
