/** Who makes room where as many connections are in their handshake as may be. */

import { Socket } from 'node:net'
import { expect, test } from 'vitest'

import { HandshakePool } from '../../src/io/libp2p/handshake-pool.ts'

/** A pool, and connections that come to it: `a1` is the first of host `a`. */
class Crowd {
  readonly #pool: HandshakePool
  readonly #counts = new Map<string, number>()
  readonly #spoken = new Set<string>()
  readonly #sockets = new Map<string, Socket>()
  readonly #upgrades = new Map<string, PromiseWithResolvers<string>>()
  readonly #outcomes = new Map<string, Promise<string>>()

  constructor(max: number) {
    this.#pool = new HandshakePool(max)
  }

  /** One comes from each of these hosts, in that order, and says nothing. @returns what they are called */
  come(...hosts: readonly string[]): string[] {
    return hosts.map(host => {
      const count = (this.#counts.get(host) ?? 0) + 1
      const name = `${host}${count}`
      const socket = Object.defineProperties(new Socket(), {
        remoteAddress: { value: host },
        bytesRead: { get: () => (this.#spoken.has(name) ? 1 : 0) },
      })
      const upgrade = Promise.withResolvers<string>()
      this.#counts.set(host, count)
      this.#sockets.set(name, socket)
      this.#upgrades.set(name, upgrade)
      this.#outcomes.set(
        name,
        this.#pool.hold({ socket }, () => upgrade.promise),
      )
      return name
    })
  }

  speak(...names: readonly string[]): void {
    for (const name of names) this.#spoken.add(name)
  }

  async getThrough(name: string): Promise<string | undefined> {
    this.#upgrades.get(name)?.resolve(`${name} is through`)
    return this.#outcomes.get(name)
  }

  async fail(name: string): Promise<void> {
    this.#upgrades.get(name)?.reject(new Error(`${name} has failed`))
    await expect(this.#outcomes.get(name)).rejects.toThrow(`${name} has failed`)
  }

  /** Who was hung up on so far, in the order of coming. */
  get gone(): string[] {
    return [...this.#sockets].filter(([, { destroyed }]) => destroyed).map(([name]) => name)
  }
}

test('as long as there is room, nobody has to go', () => {
  const crowd = new Crowd(4)
  crowd.come('a', 'a', 'b', 'c')
  expect(crowd.gone).toEqual([])
  crowd.come('c')
  expect(crowd.gone).toHaveLength(1)
})

test('of those who are silent, the oldest of the host that has most of them goes; of hosts that have as many, the oldest of all', () => {
  const crowd = new Crowd(6)
  crowd.come('c', 'b', 'a', 'b', 'a', 'a')
  crowd.come('d')
  expect(crowd.gone).toEqual(['a1'])
  crowd.come('e')
  expect(crowd.gone).toEqual(['b1', 'a1'])
  crowd.come('f')
  expect(crowd.gone).toEqual(['b1', 'a1', 'a2'])
  // One of each host is left.
  crowd.come('f')
  expect(crowd.gone).toEqual(['c1', 'b1', 'a1', 'a2'])
})

test('one host that opens hundreds takes the places of its own, and others keep theirs', () => {
  const crowd = new Crowd(10)
  const others = crowd.come('b', 'c', 'b', 'c', 'd')
  const flood = crowd.come(...Array.from({ length: 300 }, () => 'a'))
  expect(crowd.gone).toEqual(flood.slice(0, 295))
  // As do those who come while it is at it: one from a new host, each time, costs the flood one.
  const late = crowd.come('e', 'e')
  expect(crowd.gone).toEqual(flood.slice(0, 297))
  expect(crowd.gone.filter(name => [...others, ...late].includes(name))).toEqual([])
})

test('who has said something stays while anybody is silent, also where its host has most', () => {
  const crowd = new Crowd(5)
  crowd.come('a', 'a', 'a', 'b', 'b')
  crowd.speak('a1', 'a2', 'a3')
  crowd.come('c')
  expect(crowd.gone).toEqual(['b1'])
  crowd.speak('c1')
  crowd.come('d')
  expect(crowd.gone).toEqual(['b1', 'b2'])
})

test('where all have said something, the oldest of the host that has most goes', () => {
  const crowd = new Crowd(4)
  crowd.speak(...crowd.come('b', 'a', 'a', 'c'))
  crowd.come('d')
  expect(crowd.gone).toEqual(['a1'])
})

test('who is through or has failed holds no place, and is never hung up on', async () => {
  const crowd = new Crowd(2)
  crowd.come('a', 'a')
  expect(await crowd.getThrough('a1')).toBe('a1 is through')
  await crowd.fail('a2')
  crowd.come('b', 'b')
  expect(crowd.gone).toEqual([])
  crowd.come('a')
  expect(crowd.gone).toEqual(['b1'])
})

test('who was hung up on holds no place either, before its handshake knows that it is over', async () => {
  const crowd = new Crowd(2)
  crowd.come('a', 'a', 'b', 'b', 'c')
  expect(crowd.gone).toEqual(['a1', 'a2', 'b1'])
  await crowd.fail('a1')
  crowd.come('d')
  expect(crowd.gone).toHaveLength(4)
})

test('what comes by no socket is not counted', async () => {
  const pool = new HandshakePool(0)
  expect(await pool.hold({}, async () => 'through')).toBe('through')
  expect(await pool.hold({ socket: {} }, async () => 'through')).toBe('through')
})
