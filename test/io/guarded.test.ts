/** An error of the node at what the transport tells it: libp2p would let it end the process. */

import { afterEach, expect, test, vi } from 'vitest'

import type { Harness } from './harness.ts'
import { overTcp } from './harnesses.ts'

const harnesses: Harness[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(harnesses.splice(0).map(harness => harness.stop()))
})

const fail = (): never => {
  throw new Error('a bug')
}

test('an error at the beginning or the end of a session is a fault, and the node goes on', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const [one, other, third] = [await harness.make(), await harness.make(), await harness.make()]
  vi.spyOn(one.ups, 'push').mockImplementation(fail)
  vi.spyOn(one.downs, 'push').mockImplementation(fail)
  one.transport.dial(other.id, [other.address])
  await harness.until('the beginning has failed', () => one.faults.length === 1)
  await harness.until('the other side has a session', () => other.ups.length === 1)
  other.transport.hangUp(one.id, 'a test', 0)
  await harness.until('the end has failed', () => one.faults.length === 2)
  expect(one.faults).toEqual([new Error('a bug'), new Error('a bug')])
  vi.restoreAllMocks()
  third.transport.dial(one.id, [one.address])
  await harness.until('there is a session with a third one', () => one.peers.includes(third.id))
})

test('an error at the outcome of a dial is a fault, and one that was answered has not failed', async () => {
  const harness = overTcp()
  harnesses.push(harness)
  const [one, other] = [await harness.make(), await harness.make()]
  vi.spyOn(one.dialled, 'push').mockImplementation(fail)
  const failed = vi.spyOn(one.failures, 'push').mockImplementation(fail)
  one.transport.dial('other', [other.address])
  await harness.until('the outcome has failed', () => one.faults.length === 1)
  expect(failed).not.toHaveBeenCalled()
  one.transport.dial('nowhere', [await harness.nowhere()])
  await harness.until('so has that of the other dial', () => one.faults.length === 2)
  expect(one.faults).toEqual([new Error('a bug'), new Error('a bug')])
})
