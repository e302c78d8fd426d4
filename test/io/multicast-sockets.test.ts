/** What becomes of multicast where an interface of the machine, or all of them, lead nowhere. The test makes them up. */

import { Socket } from 'node:dgram'
import os from 'node:os'

import { afterEach, expect, test, vi } from 'vitest'

import { MulticastSockets, type Trouble } from '../../src/io/libp2p/multicast-sockets.ts'
import { until } from './harnesses.ts'

const eth = { netmask: '255.255.255.0', family: 'IPv4', mac: '', internal: false } as const
/** Of no machine (RFC 5737). */
const NOBODY = '203.0.113.9'

/** When there was a new one. */
const networks: number[] = []

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  networks.length = 0
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** The machine has these addresses, each at an interface of its own. */
function interfaces(...addresses: readonly string[]): void {
  const made = addresses.map((address, index) => [`eth${index}`, [{ ...eth, address, cidr: null }]] as const)
  vi.spyOn(os, 'networkInterfaces').mockReturnValue(
    Object.fromEntries(made.map(([name, infos]) => [name, [...infos]])),
  )
}

/** On a machine that has these addresses. @returns what there is to be told */
function start(...addresses: readonly string[]): Trouble[] {
  interfaces(...addresses)
  const troubles: Trouble[] = []
  const sockets = new MulticastSockets({
    onMessage: () => {},
    onNetwork: () => networks.push(performance.now()),
    onTrouble: trouble => troubles.push(trouble),
  })
  closers.push(() => sockets.stop())
  sockets.start()
  return troubles
}

/** Whether sockets have joined the group at that address so often. */
function hasJoined(address: string, times = 1): boolean {
  const { calls } = vi.mocked(Socket.prototype.addMembership).mock
  return calls.filter(([, at]) => at === address).length >= times
}

test('where nothing can be said by any interface, that is told', async () => {
  const troubles = start(NOBODY)
  await until('it is told', () => troubles.some(({ error }) => /EADDRNOTAVAIL/.test(String(error))))
  expect(troubles.at(-1)).toMatchObject({ at: NOBODY, isPartial: false })
})

test('where it can be said by another one, that is told as a part of it', async () => {
  const troubles = start('127.0.0.1', NOBODY)
  await until('it is told', () => troubles.some(({ error }) => /EADDRNOTAVAIL/.test(String(error))))
  expect(new Set(troubles.map(({ at, isPartial }) => `${at} ${isPartial}`))).toEqual(
    new Set([`${NOBODY} true`]),
  )
})

test('what goes on failing is told once', async () => {
  const troubles = start(NOBODY)
  await until('it has looked again', () => vi.mocked(os.networkInterfaces).mock.calls.length >= 3)
  const texts = troubles.map(({ error }) => String(error))
  expect(texts.length).toBeGreaterThan(0)
  expect(new Set(texts).size).toBe(texts.length)
})

test('an interface that is gone is left: the system counts it, and lets nobody into more than some twenty', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] })
  vi.spyOn(Socket.prototype, 'addMembership')
  const left = vi.spyOn(Socket.prototype, 'dropMembership')
  const troubles = start('127.0.0.1')
  await until('it has joined', () => hasJoined('127.0.0.1'))
  interfaces('127.0.0.2')
  vi.advanceTimersByTime(5_000)
  expect(left.mock.calls).toEqual([['224.0.0.251', '127.0.0.1']])
  expect(hasJoined('127.0.0.2')).toBe(true)
  expect(troubles).toEqual([])
})

test('where it could not hear, it tries again', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] })
  vi.spyOn(Socket.prototype, 'addMembership').mockImplementationOnce(() => {
    throw new Error('addMembership ENOBUFS')
  })
  const troubles = start('127.0.0.1')
  await until('it is told', () => troubles.length > 0)
  vi.advanceTimersByTime(5_000)
  expect(hasJoined('127.0.0.1', 2)).toBe(true)
  expect(troubles).toHaveLength(1)
})

test('an interface that is made anew with the same address is heard and spoken by', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] })
  const join = vi.spyOn(Socket.prototype, 'addMembership')
  const leave = vi.spyOn(Socket.prototype, 'dropMembership')
  const troubles = start('127.0.0.1')
  await until('it speaks', () => networks.length === 1 && hasJoined('127.0.0.1'))
  vi.advanceTimersByTime(5_000)
  // To the system it is another one, which nobody has joined yet.
  join.mockImplementationOnce(() => {})
  vi.advanceTimersByTime(5_000)
  await until('it speaks by the new one', () => networks.length > 1)
  vi.advanceTimersByTime(5_000)
  expect(hasJoined('127.0.0.1', 5)).toBe(true)
  // The one before as well: Linux lets a socket have twenty, and counts those that are gone.
  expect(leave.mock.calls).toEqual([
    ['224.0.0.251', '127.0.0.1'],
    ['224.0.0.251', '127.0.0.1'],
  ])
  expect(networks).toHaveLength(2)
  expect(troubles).toEqual([])
})

test('that it has joined already is no trouble, however the system says so', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] })
  const join = vi.spyOn(Socket.prototype, 'addMembership')
  const troubles = start('127.0.0.1')
  await until('it speaks', () => networks.length === 1 && hasJoined('127.0.0.1'))
  // As Windows does.
  join.mockImplementation(() => {
    throw new Error('addMembership EADDRNOTAVAIL')
  })
  vi.advanceTimersByTime(10_000)
  expect(hasJoined('127.0.0.1', 3)).toBe(true)
  expect(networks).toHaveLength(1)
  expect(troubles).toEqual([])
})

test('on a machine with a hundred interfaces, some of them are enough, and that is no trouble', async () => {
  vi.spyOn(Socket.prototype, 'addMembership').mockImplementation(() => {})
  const troubles = start(...Array.from({ length: 100 }, (_, index) => `127.0.0.${index + 1}`))
  await until('it speaks', () => networks.length >= 16 && hasJoined('127.0.0.16'))
  const joined = vi.mocked(Socket.prototype.addMembership).mock.calls.map(([, at]) => at)
  expect(new Set(joined).size).toBeLessThanOrEqual(20)
  expect(troubles).toEqual([])
})

test('sockets that are stopped as soon as they are started leave nothing behind', async () => {
  const opened = vi.spyOn(Socket.prototype, 'bind')
  const closed = vi.spyOn(Socket.prototype, 'close')
  const troubles = start('127.0.0.1', '127.0.0.2')
  await closers.pop()?.()
  expect(opened).toHaveBeenCalledTimes(3)
  expect(closed).toHaveBeenCalledTimes(3)
  expect(networks).toEqual([])
  expect(troubles).toEqual([])
})
