/** Of two nodes with one key on one machine the newer one lives: how it asks, and who else may call. */

import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { DataFolder, type DataFolderInit } from '../../src/io/system/data-folder.ts'
import { type Lock, type LockPlace, callHolder, takeLock } from '../../src/io/system/lock.ts'
import {
  ANSWER_BYTES,
  GREETING_BYTES,
  lockSecret,
  makeAnswer,
  makeClaim,
  makeGreeting,
} from '../../src/io/system/lock-messages.ts'
import { until } from './harnesses.ts'

const SOON = { answerMs: 200, leaveMs: 200 }
const VISITORS = 40
const VISITORS_MAX = 8

let folder: string
const warnings: string[] = []
const opened: DataFolder[] = []
const sockets: Socket[] = []
const locks: Lock[] = []

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'meshvisor-takeover-')), 'data')
  warnings.length = 0
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(locks.splice(0).map(lock => lock.release()))
  await Promise.all(opened.splice(0).map(each => each.close()))
  await rm(join(folder, '..'), { recursive: true, force: true })
})

async function open(more: Partial<DataFolderInit> = {}): Promise<DataFolder> {
  const one = await DataFolder.open({
    path: folder,
    makeKey: async () => randomBytes(36),
    idOf: () => 'me',
    wallMs: () => Date.now(),
    onWarning: message => warnings.push(message),
    ...more,
  })
  opened.push(one)
  return one
}

function placeOf(key: Uint8Array): LockPlace {
  return { folder, name: createHash('sha256').update('meshvisor lock').update(key).digest('hex') }
}

function call(key: Uint8Array): Socket {
  const socket = callHolder(placeOf(key))
  socket.on('error', () => {})
  sockets.push(socket)
  return socket
}

async function greeted(socket: Socket): Promise<Buffer> {
  const [greeting]: unknown[] = await once(socket, 'data')
  if (!Buffer.isBuffer(greeting)) throw new Error('no greeting')
  return greeting
}

test('who comes later gets the folder, with a larger number, as soon as the one before has closed it', async () => {
  const older = await open()
  const told: number[] = []
  older.onReplaced(boot => told.push(boot))
  const coming = open()
  await until('it is asked', () => told.length === 1)
  expect(opened).toHaveLength(1)
  await older.close()
  const newer = await coming
  expect(newer.boot).toBeGreaterThan(older.boot)
  expect(told).toEqual([newer.boot])
  expect(warnings).toEqual([
    `process ${process.pid} has started with the key in ${folder}: this node gives way to it`,
    `process ${process.pid} ran with the key in ${folder}, and has given way to this node`,
  ])
})

test('who listens for it late is told all the same', async () => {
  const older = await open()
  const coming = open()
  await until('it is asked', () => warnings.length > 0)
  const boot = await new Promise<number>(resolve => older.onReplaced(resolve))
  await older.close()
  expect((await coming).boot).toBe(boot)
})

test('who comes with a copy has a larger number than the one before, also by a clock that was set back', async () => {
  await (await open({ wallMs: () => 1_000 })).close()
  const copy = `${folder}-copy`
  await cp(folder, copy, { recursive: true })
  const older = await open({ wallMs: () => 9_000 })
  older.onReplaced(() => void older.close())
  expect((await open({ path: copy, wallMs: () => 2_000 })).boot).toBeGreaterThan(9_000)
})

test.each(['boot', 'peers.json'])('a folder that cannot be used asks nobody to give way: %s', async file => {
  const older = await open()
  const told: number[] = []
  older.onReplaced(boot => told.push(boot))
  const copy = `${folder}-copy`
  await cp(folder, copy, { recursive: true })
  await rm(join(copy, file), { force: true })
  if (file === 'boot') await writeFile(join(copy, file), String(2 ** 53))
  else await mkdir(join(copy, file))
  await expect(open({ path: copy })).rejects.toThrow(file)
  expect(told).toEqual([])
})

test('of ten that open a new folder at the same moment, one has it in the end, and the key is its', async () => {
  const living = new Set<DataFolder>()
  const errors: unknown[] = []
  const one = async (): Promise<void> => {
    const mine = await open()
    living.add(mine)
    mine.onReplaced(() => {
      living.delete(mine)
      void mine.close()
    })
  }
  await Promise.all(Array.from({ length: 10 }, () => one().catch((error: unknown) => errors.push(error))))
  expect(living.size).toBe(1)
  for (const error of errors) expect(error).toMatchObject({ name: 'DuplicateIdentityError' })
  const [last] = living
  expect(Buffer.from(last?.key ?? [])).toEqual(await readFile(join(folder, 'key')))
  expect((await readdir(folder)).toSorted()).toEqual(['boot', 'key'])
})

test('of two who wait for the same one, the later one gets it, and the other ends at once', async () => {
  const older = await open()
  const second = open()
  await until('the second has asked', () => warnings.length === 1)
  const third = open()
  await expect(second).rejects.toMatchObject({
    name: 'DuplicateIdentityError',
    message: expect.stringMatching(/another process with the key of this node \(me\) has started/),
  })
  await older.close()
  expect((await third).boot).toBeGreaterThan(older.boot)
})

test('who waits gives up when its signal aborts', async () => {
  await open()
  const interrupt = new AbortController()
  const waiting = open({ signal: interrupt.signal })
  await until('it has asked', () => warnings.length === 1)
  const reason = new Error('enough')
  interrupt.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

describe('a stranger ends nothing', () => {
  let holder: DataFolder
  let askedCount = 0

  beforeEach(async () => {
    askedCount = 0
    holder = await open()
    // It goes, so that whoever has been heard is hung up on, too, and nobody waits for that.
    holder.onReplaced(() => {
      askedCount++
      void holder.close()
    })
  })

  test.each<readonly [string, (greeting: Buffer) => Buffer]>([
    ['that floods', () => Buffer.alloc(1 << 20, 'x')],
    ['that talks nonsense', () => randomBytes(68)],
    ['with another key', greeting => makeClaim(lockSecret(randomBytes(36)), greeting)],
    ['that repeats what another one has said', () => makeClaim(lockSecret(holder.key), makeGreeting())],
    [
      'that says more than it should',
      greeting => Buffer.concat([makeClaim(lockSecret(holder.key), greeting), Buffer.from('!')]),
    ],
  ])('%s: it is hung up on', async (_, say) => {
    const socket = call(holder.key)
    const greeting = await greeted(socket)
    const closed = end(socket)
    socket.write(say(greeting))
    await closed
    expect(askedCount).toBe(0)
  })

  test('that says nothing: it is hung up on in the end, and many of them keep nobody out', async () => {
    const closed: Promise<unknown>[] = []
    for (let index = 0; index < VISITORS; index++) {
      const socket = call(holder.key)
      closed.push(end(socket))
      await greeted(socket)
    }
    await Promise.all(closed.slice(0, -VISITORS_MAX))
    expect(sockets.filter(socket => !socket.destroyed)).toHaveLength(VISITORS_MAX)
    await Promise.all(closed)
    expect(askedCount).toBe(0)
    for (let index = 0; index < VISITORS; index++) await greeted(call(holder.key))
    const coming = open()
    await coming
    expect(askedCount).toBe(1)
  })
})

describe('a holder that does not give way is an error that says what was found:', () => {
  let key: Buffer

  beforeEach(async () => {
    const before = await open()
    key = Buffer.from(before.key)
    await before.close()
  })

  test.each<readonly [string, RegExp, (socket: Socket) => void]>([
    ['one that says nothing', /asked to give way and has not answered in 200 ms.*end its process/, () => {}],
    [
      'one that hangs up, as earlier versions do',
      /an earlier version: stop it first/,
      socket => socket.destroy(),
    ],
    ['one that talks nonsense', /does not have the key/, socket => socket.write(randomBytes(500))],
    ['one that floods', /does not have the key/, socket => socket.write(Buffer.alloc(1 << 20))],
    [
      'one that answers without the key',
      /does not have the key/,
      socket => {
        socket.once('data', claim =>
          socket.write(makeAnswer(lockSecret(randomBytes(36)), Buffer.from(claim), 7)),
        )
        socket.write(makeGreeting())
      },
    ],
    [
      'one that repeats what the newcomer has said',
      /does not have the key/,
      socket => {
        socket.once('data', claim => socket.write(Buffer.from(claim).subarray(0, ANSWER_BYTES)))
        socket.write(makeGreeting())
      },
    ],
    [
      'one that stops in the middle of a greeting',
      /has not answered/,
      socket => socket.write(makeGreeting().subarray(0, GREETING_BYTES - 1)),
    ],
  ])('%s', async (_, reason, meet) => {
    const lock = await takeLock(placeOf(key), socket => {
      socket.on('error', () => {})
      sockets.push(socket)
      meet(socket)
    })
    if (lock !== undefined) locks.push(lock)
    const refused = open({ limits: SOON })
    await expect(refused).rejects.toMatchObject({
      name: 'DataFolderError',
      message: expect.stringMatching(reason),
    })
    await expect(refused).rejects.toThrow(folder)
  })

  test('one that says that it goes, and stays', async () => {
    await open()
    await expect(open({ limits: SOON })).rejects.toMatchObject({
      name: 'DataFolderError',
      message: expect.stringMatching(
        new RegExp(`gives way, and has not in 200 ms: end its process \\(${process.pid}\\)`),
      ),
    })
  })
})

/** Also by an error, as of one that is hung up on while it talks. */
function end(socket: Socket): Promise<unknown> {
  return new Promise(resolve => socket.once('close', resolve))
}
