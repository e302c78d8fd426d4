/** Addresses to join by: plain ones, names, and a file that changes. */

import { execFileSync } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { PEERS_FILE_BYTES_MAX, type Resolve, SEEDS_MAX, Seeds } from '../../src/io/system/seeds.ts'
import { localNode } from '../local-node.ts'
import { freePort, until } from './harnesses.ts'

let folder: string
let file: string
let running: Seeds | undefined
const told = new Set<string>()
/** Names that are being looked up for the first time. */
const awaited = new Set<string>()
/** What each of those that were told was found by. */
const names = new Map<string, string>()
const warnings: string[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshvisor-'))
  file = join(folder, 'peers')
  told.clear()
  awaited.clear()
  names.clear()
  warnings.length = 0
})

afterEach(async () => {
  running?.stop()
  await rm(folder, { recursive: true, force: true })
})

function start(init: { seeds?: readonly string[]; file?: string; resolve?: Resolve }): void {
  running = new Seeds({
    seeds: init.seeds ?? [],
    file: init.file,
    onAwaited: name => awaited.add(name),
    onSeed: (address, name) => {
      told.add(address)
      if (name !== undefined) names.set(address, name)
      awaited.delete(address)
    },
    onSeedGone: address => {
      told.delete(address)
      awaited.delete(address)
    },
    onWarning: message => warnings.push(message),
    lookEveryMs: 5,
    resolveEveryMs: 20,
    ...(init.resolve === undefined ? {} : { resolve: init.resolve }),
  })
  running.start()
}

test('plain addresses are told at once, each once', () => {
  start({ seeds: ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1/p2p/x'] })
  expect([...told]).toEqual(['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1/p2p/x'])
})

test('a name stands for all of its addresses, of the family that is asked for', async () => {
  const asked: string[] = []
  start({
    seeds: ['/dns4/gateway.local/tcp/7000', '/dns6/gateway.local/tcp/7001/p2p/x'],
    resolve: async (name, family) => {
      asked.push(`${name} ${family}`)
      return family === 4 ? ['10.0.0.1', '10.0.0.2'] : ['fd00::1']
    },
  })
  await until('it is resolved', () => told.size === 3)
  expect([...told]).toEqual([
    '/ip4/10.0.0.1/tcp/7000',
    '/ip4/10.0.0.2/tcp/7000',
    '/ip6/fd00::1/tcp/7001/p2p/x',
  ])
  expect(asked).toEqual(['gateway.local 4', 'gateway.local 6'])
  expect([...names.values()]).toEqual([
    '/dns4/gateway.local/tcp/7000',
    '/dns4/gateway.local/tcp/7000',
    '/dns6/gateway.local/tcp/7001/p2p/x',
  ])
})

test('a name that is not known is dialled as it is, so that the reason is told, and looked up again', async () => {
  let isKnown = false
  start({
    seeds: ['/dns4/gateway.local/tcp/7000'],
    resolve: async () => {
      if (!isKnown) throw new Error('ENOTFOUND')
      return ['10.0.0.1']
    },
  })
  await until('the name is told', () => told.has('/dns4/gateway.local/tcp/7000'))
  isKnown = true
  await until('the address is told', () => told.has('/ip4/10.0.0.1/tcp/7000'))
  expect(told.size).toBe(1)
})

describe('a name that nobody answers for', () => {
  const [silent, other, third] = ['silent', 'other', 'third'].map(name => `/dns4/${name}.local/tcp/7000`)
  /** Of `silent`. */
  let lookUp: PromiseWithResolvers<readonly string[]>
  let lookUps: string[]

  const resolve: Resolve = name => {
    lookUps.push(name)
    return name === 'silent.local' ? lookUp.promise : Promise.resolve(['10.0.0.2'])
  }

  beforeEach(() => {
    lookUp = Promise.withResolvers()
    lookUps = []
  })

  test('holds up no other name, and not the file', async () => {
    await writeFile(file, `/ip4/10.0.0.1/tcp/1\n${other}`)
    start({ seeds: [`${silent}`], file, resolve })
    await until('the others are told', () => told.size === 2)
    expect([...told]).toEqual(['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/7000'])
    await writeFile(`${file}.new`, `${third}`)
    await rename(`${file}.new`, file)
    await until('the file is read again', () => lookUps.includes('third.local'))
    expect(lookUps.filter(name => name === 'silent.local')).toHaveLength(1)
  })

  test('is waited for until there is an answer, or a reason why there is none', async () => {
    start({ seeds: [`${silent}`], resolve })
    expect([...awaited]).toEqual([silent])
    lookUp.resolve(['10.0.0.3'])
    await until('it is resolved', () => told.has('/ip4/10.0.0.3/tcp/7000'))
    expect([...awaited]).toEqual([])
    running?.stop()
    told.clear()
    lookUp = Promise.withResolvers()
    start({ seeds: [`${silent}`], resolve })
    expect([...awaited]).toEqual([silent])
    lookUp.reject(new Error('EAI_AGAIN'))
    await until('it is dialled as it is', () => told.has(`${silent}`))
    expect([...awaited]).toEqual([])
  })

  test('that is gone from the file is not waited for, and what comes of it is not told', async () => {
    await writeFile(file, `${silent}`)
    start({ file, resolve })
    await until('it is looked up', () => lookUps.length > 0)
    await writeFile(`${file}.new`, `${other}`)
    await rename(`${file}.new`, file)
    await until('the other one is told', () => told.has('/ip4/10.0.0.2/tcp/7000'))
    expect([...awaited]).toEqual([])
    lookUp.resolve(['10.0.0.3'])
    const { length } = lookUps
    await until('the other one is looked up again', () => lookUps.length > length + 1)
    expect([...told]).toEqual(['/ip4/10.0.0.2/tcp/7000'])
  })

  test('is not waited for by a stop, and what comes of it then is not told', async () => {
    start({ seeds: [`${silent}`], resolve })
    running?.stop()
    lookUp.resolve(['10.0.0.3'])
    await lookUp.promise
    await new Promise(setImmediate)
    expect([...told]).toEqual([])
    expect(lookUps).toEqual(['silent.local'])
  })
})

test('the file is read again when it changes; what is gone from it is gone; nonsense is told of', async () => {
  await writeFile(file, '# the hall\n/ip4/10.0.0.1/tcp/1 # the press\n\n/ip4/10.0.0.2/tcp/1\n')
  start({ file, seeds: ['/ip4/10.0.0.9/tcp/1'] })
  await until('it is read', () => told.size === 3)
  await writeFile(`${file}.new`, '/ip4/10.0.0.2/tcp/1\n10.0.0.3\n/ip4/10.0.0.4/tcp/1')
  await rename(`${file}.new`, file)
  await until('it is read again', () => told.has('/ip4/10.0.0.4/tcp/1'))
  expect([...told].toSorted()).toEqual(['/ip4/10.0.0.2/tcp/1', '/ip4/10.0.0.4/tcp/1', '/ip4/10.0.0.9/tcp/1'])
  expect(warnings).toEqual([
    expect.stringMatching(/line 2: found "10\.0\.0\.3", wanted a multiaddress such as/),
  ])
})

test('a file that comes late is read then, and one that goes away says what it said last', async () => {
  start({ file })
  await until('it is missed', () => warnings.length > 0)
  await writeFile(file, '/ip4/10.0.0.1/tcp/1\n')
  await until('it is read', () => told.size === 1)
  await rm(file)
  await until('it is missed again', () => warnings.length === 2)
  expect([...told]).toEqual(['/ip4/10.0.0.1/tcp/1'])
})

test('a file that is too large is refused, and too many addresses are cut', async () => {
  const lines = Array.from({ length: SEEDS_MAX + 10 }, (_, index) => `/ip4/10.0.0.1/tcp/${index + 1}`)
  await writeFile(file, lines.join('\n'))
  start({ file })
  await until('it is read', () => told.size > 0)
  expect(told.size).toBe(SEEDS_MAX)
  // In one step: a file that is being written says less for a moment.
  await writeFile(`${file}.new`, Buffer.alloc(PEERS_FILE_BYTES_MAX + 1, '\n'))
  await rename(`${file}.new`, file)
  await until('it is refused', () => warnings.some(text => /more than/.test(text)))
  expect(told.size).toBe(SEEDS_MAX)
})

test.skipIf(process.platform === 'win32')(
  'what is no file is not read, and what it said before holds on',
  async () => {
    await writeFile(file, '/ip4/10.0.0.1/tcp/1')
    start({ file })
    await until('it is read', () => told.size === 1)
    await rm(file)
    execFileSync('mkfifo', [file])
    await until('it is told of', () => warnings.some(warning => warning.includes('not a file')))
    await rm(file)
    await writeFile(file, '/ip4/10.0.0.2/tcp/1')
    await until('it is read again', () => told.has('/ip4/10.0.0.2/tcp/1'))
    expect([...told]).toEqual(['/ip4/10.0.0.2/tcp/1'])
  },
)

test('a file that is just being written is read when it is not written any more', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    /** The next look at the file has come to its end: the one after it is waited for. */
    const look = async (): Promise<void> => {
      vi.advanceTimersToNextTimer()
      await looked()
    }
    const looked = async (): Promise<void> => {
      const byMs = Date.now() + 10_000
      while (vi.getTimerCount() === 0 && Date.now() < byMs) await nextTurn()
    }
    await writeFile(file, '/ip4/10.0.0.1/tcp/1\n')
    start({ file })
    await looked()
    await writeFile(file, '/ip4/10.0.0.2/tcp/7')
    await look()
    expect([...told]).toEqual(['/ip4/10.0.0.1/tcp/1'])
    await writeFile(file, '/ip4/10.0.0.2/tcp/7000\n')
    await look()
    expect([...told]).toEqual(['/ip4/10.0.0.1/tcp/1'])
    await look()
    expect([...told]).toEqual(['/ip4/10.0.0.2/tcp/7000'])
  } finally {
    vi.useRealTimers()
  }
})

test('nodes find each other by a name, and by a file that is written after they have started', async () => {
  const [port, other] = [await freePort(), await freePort()]
  const cluster = 'found'
  await using rock = await localNode({ cluster, listen: [`/ip4/127.0.0.1/tcp/${port}`] })
  await using byName = await localNode({
    cluster,
    listen: [`/ip4/127.0.0.1/tcp/${other}`],
    discovery: { mdns: false, seeds: [`/dns4/localhost/tcp/${port}`] },
  })
  await byName.formed(2)
  await using byFile = await localNode({ cluster, discovery: { mdns: false, peersFile: file } })
  expect(byFile.members()).toHaveLength(1)
  await writeFile(file, `/ip4/127.0.0.1/tcp/${other}\n`)
  await byFile.formed(3)
  await rock.formed(3)
})
