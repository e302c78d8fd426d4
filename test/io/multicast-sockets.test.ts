/** What becomes of multicast where an interface of the machine, or all of them, lead nowhere. The test makes them up. */

import os from 'node:os'

import { afterEach, expect, test, vi } from 'vitest'

import { MulticastSockets, type Trouble } from '../../src/io/libp2p/multicast-sockets.ts'
import { until } from './harnesses.ts'

const eth = { netmask: '255.255.255.0', family: 'IPv4', mac: '', internal: false } as const
/** Of no machine (RFC 5737). */
const NOBODY = '203.0.113.9'

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  vi.restoreAllMocks()
})

/** On a machine that has these addresses, each at an interface of its own. @returns what there is to be told */
function start(...addresses: readonly string[]): Trouble[] {
  const made = addresses.map((address, index) => [`eth${index}`, [{ ...eth, address, cidr: null }]] as const)
  vi.spyOn(os, 'networkInterfaces').mockReturnValue(
    Object.fromEntries(made.map(([name, infos]) => [name, [...infos]])),
  )
  const troubles: Trouble[] = []
  const sockets = new MulticastSockets({
    onMessage: () => {},
    onNetwork: () => {},
    onTrouble: trouble => troubles.push(trouble),
  })
  closers.push(() => sockets.stop())
  sockets.start()
  return troubles
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
