import { beforeEach, describe, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import { SILENCE_MS } from '../../src/protocol/awaited-seeds.ts'
import { CONTACTS_MAX } from '../../src/protocol/contact-book.ts'
import { DIALS_AT_ONCE } from '../../src/protocol/dial-ranks.ts'
import { Desk } from './desk.ts'

const UNREACHABLE = { failure: 'unreachable', reason: 'no answer' } as const
/** Before and after `DESK_ID`. */
const [early, late] = [nodeId('a'), nodeId('z')]
const ADDRESS = ['/sim/here']

let desk: Desk

beforeEach(() => {
  desk = new Desk()
})

describe('a seed whose dial has no outcome', () => {
  const reasons = (): string[] => desk.contacts.problems().map(({ reason }) => reason)

  test('is told of after ten seconds, once, and the dial goes on', () => {
    desk.contacts.addSeed('/mute', 0)
    expect(desk.until(0)).toEqual(['/mute'])
    expect(desk.contacts.silentAtMs()).toBe(SILENCE_MS)
    expect(desk.contacts.takeSilent(SILENCE_MS - 1)).toEqual([])
    expect(reasons()).toEqual(['no answer yet'])
    const told = { key: '/mute', reason: expect.stringMatching(/no answer for 10 s.*still waited for/) }
    expect(desk.contacts.takeSilent(SILENCE_MS)).toEqual([told])
    expect(reasons()).toEqual([told.reason])
    expect(desk.contacts.silentAtMs()).toBe(Infinity)
    // It fails, and the next dial is silent, too.
    desk.contacts.onDialFailed('/mute', UNREACHABLE, 24_000)
    expect(desk.until(40_000)).toEqual(['/mute'])
    expect(desk.contacts.silentAtMs()).toBe(Infinity)
    expect(reasons()).toEqual(['no answer'])
    // It answers, and is silent after that: that is news again.
    desk.contacts.onDialled('/mute', early, 40_000)
    desk.contacts.onPeerUp(early)
    desk.contacts.onPeerDown(early, 40_000)
    expect(desk.until(50_000)).toEqual(['/mute'])
    expect(desk.contacts.takeSilent(70_000)).toEqual([told])
  })

  test('is not told of when it has answered, failed, or is no seed any more; nor is a member', () => {
    for (const [key, settle] of [
      ['/answers', () => desk.contacts.onDialled('/answers', early, 0)],
      ['/fails', () => desk.contacts.onDialFailed('/fails', UNREACHABLE, 0)],
      ['/goes', () => desk.contacts.removeSeed('/goes')],
    ] as const) {
      desk = new Desk()
      desk.contacts.addSeed(key, 0)
      expect(desk.until(0)).toEqual([key])
      settle()
      expect(desk.contacts.silentAtMs()).toBe(Infinity)
    }
    desk = new Desk()
    desk.contacts.note(late, ['/late'], 0)
    expect(desk.until(0)).toEqual([late])
    expect(desk.contacts.silentAtMs()).toBe(Infinity)
  })
})

test('a name is looked for, and not dialled, until it is known what it stands for', () => {
  const { contacts } = desk
  for (const settle of [() => contacts.addSeed('/dns4/n', 0), () => contacts.removeSeed('/dns4/n')]) {
    contacts.awaitSeed('/dns4/n')
    expect(desk.until(1_000)).toEqual([])
    expect(contacts.isLooking).toBe(true)
    expect(contacts.problems()).toMatchObject([
      { address: '/dns4/n', reason: expect.stringMatching(/not been looked up yet/) },
    ])
    settle()
    contacts.onDialFailed('/dns4/n', UNREACHABLE, 1_000)
    expect(contacts.isLooking).toBe(false)
  }
})

describe('of many to be dialled', () => {
  test('a few are dialled at once, another when one is through', () => {
    for (let index = 0; index < 10; index++) desk.contacts.addSeed(`s${index}`, 0)
    expect(desk.until(0)).toEqual(['s0', 's1'])
    expect(desk.contacts.wakeAtMs()).toBeGreaterThan(0)
    desk.contacts.onPeerUp(early)
    desk.contacts.onDialled('s1', early, 0)
    expect(desk.until(0)).toEqual([`s${DIALS_AT_ONCE}`])
  })

  test('another one is dialled at once when one of them is this node itself, or no seed any more', () => {
    for (const key of ['here', 'silent', 's2', 's3', 's4']) desk.contacts.addSeed(key, 0)
    expect(desk.until(0)).toEqual(['here', 'silent'])
    expect(desk.contacts.wakeAtMs()).toBeGreaterThan(0)
    desk.contacts.onDialFailed('here', { failure: 'self', reason: 'this node itself' }, 0)
    expect(desk.until(0)).toEqual(['s2'])
    expect(desk.contacts.wakeAtMs()).toBeGreaterThan(0)
    desk.contacts.removeSeed('silent')
    expect(desk.until(0)).toEqual(['s3'])
  })

  test('none waits for ever for those that never answer', () => {
    for (let index = 0; index < 10; index++) desk.contacts.addSeed(`s${index}`, 0)
    expect(new Set(desk.until(6_000)).size).toBe(10)
  })

  test('the next one is dialled at the moment that was asked for, whatever is lost by adding', () => {
    for (let startMs = 0.1; startMs < 400; startMs += 0.7) {
      const each = new Desk()
      for (let index = 0; index <= DIALS_AT_ONCE; index++) each.contacts.addSeed(`s${index}`, startMs)
      each.contacts.take(startMs)
      expect(each.contacts.take(each.contacts.wakeAtMs())).toHaveLength(1)
    }
  })

  test('the one that has waited longest comes first, however many fail again and again', () => {
    for (let index = 0; index < 40; index++) desk.contacts.addSeed(`s${index}`, 0)
    const dialled = new Set<string>()
    desk.until(0)
    for (let nowMs = 0; nowMs < 20_000; nowMs += 500) {
      const fail = (key: string): void => {
        dialled.add(key)
        if (dialled.size < 40) desk.contacts.onDialFailed(key, UNREACHABLE, nowMs - 500)
      }
      desk.until(nowMs, fail)
    }
    expect(dialled.size).toBeGreaterThanOrEqual(40 - DIALS_AT_ONCE)
  })
})

describe('of two that were told of each other', () => {
  const dialledAtMs = (other: NodeId, onDesk: Desk): number => {
    onDesk.contacts.note(other, ADDRESS, 0)
    return onDesk.contacts.wakeAtMs()
  }

  test('the one with the smaller id dials, the other one only when nothing has come of it', () => {
    expect(dialledAtMs(late, desk)).toBe(0)
    expect(dialledAtMs(early, new Desk())).toBe(4_000)
  })

  test('the one that cannot be dialled dials', () => {
    expect(dialledAtMs(early, new Desk([]))).toBe(0)
  })

  test('nobody dials who has a session', () => {
    desk.contacts.note(late, ADDRESS, 0)
    desk.contacts.onPeerUp(late)
    expect(desk.until(60_000)).toEqual([])
  })
})

describe('of many that others have told of', () => {
  const ids = Array.from({ length: 10 }, (_, index) => nodeId(`n${index}`))

  /** The dials at this moment. */
  const takeAt = (nowMs: number): string[] => desk.contacts.take(nowMs).map(({ key }) => key)

  const tellOf = (nowMs: number, ...told: readonly NodeId[]): void => {
    for (const id of told) desk.contacts.note(id, [`/sim/${id}`], nowMs)
  }

  test('none is dialled as long as more are heard of, for ten seconds at most', () => {
    tellOf(0, ...ids)
    const dialledMs: number[] = []
    for (let nowMs = 0; nowMs < 12_000; nowMs += 20) {
      tellOf(nowMs, nodeId(`n${nowMs}`))
      if (desk.contacts.wakeAtMs() <= nowMs && takeAt(nowMs).length > 0) dialledMs.push(nowMs)
    }
    // The first three were few, and did not wait.
    expect(dialledMs[0]).toBe(0)
    expect(dialledMs.find(nowMs => nowMs > 1_000)).toBeGreaterThanOrEqual(10_000)
    expect(dialledMs.at(-1)).toBeGreaterThanOrEqual(10_000)
  })

  test('they are dialled when nobody has come for a while, each after a pause as long as the dial before', () => {
    for (const id of ids.slice(0, 3)) desk.contacts.onPeerUp(id)
    tellOf(0, ...ids)
    const dialledMs: number[] = []
    while (dialledMs.length < 4) {
      const nowMs = desk.contacts.wakeAtMs()
      for (const key of takeAt(nowMs)) {
        dialledMs.push(nowMs)
        desk.contacts.onPeerUp(nodeId(key))
        desk.contacts.onDialled(key, nodeId(key), nowMs + 30)
      }
    }
    expect(dialledMs).toEqual([100, 160, 220, 280])
  })

  test('they wait longer where a session takes longer, as whoever comes takes longer too', () => {
    desk.contacts.addSeed('s', 0)
    takeAt(0)
    desk.contacts.onPeerUp(early)
    desk.contacts.onDialled('s', early, 600)
    for (const id of ids.slice(0, 3)) desk.contacts.onPeerUp(id)
    tellOf(700, ...ids)
    expect(desk.contacts.wakeAtMs()).toBe(1_300)
  })

  test('a node that was held up listens first: who has come meanwhile makes it wait on', () => {
    for (const id of ids.slice(0, 3)) desk.contacts.onPeerUp(id)
    tellOf(0, ...ids)
    expect(takeAt(700)).toEqual([])
    tellOf(750, nodeId('o'))
    expect(desk.contacts.wakeAtMs()).toBe(860)
    expect(takeAt(860)).toHaveLength(1)
  })

  test('the end of a session ends the wait: it may have been the only way to them', () => {
    for (const id of [early, ...ids.slice(0, 3)]) desk.contacts.onPeerUp(id)
    tellOf(0, ...ids)
    expect(desk.contacts.wakeAtMs()).toBe(100)
    desk.contacts.onPeerDown(early, 10)
    expect(takeAt(10)).toHaveLength(1)
  })

  test.each([early, late])('%s, whose session came before its row, does not wait when it ends', id => {
    for (const each of [id, ...ids]) desk.contacts.onPeerUp(each)
    tellOf(0, id, ...ids)
    desk.contacts.onPeerDown(id, 1_000)
    // Others accuse it: its row is told again.
    tellOf(1_000, id)
    expect(desk.until(1_150)).toEqual([id])
  })

  test('who is dead does not wait for that', () => {
    for (const id of ids.slice(0, 3)) desk.contacts.onPeerUp(id)
    tellOf(0, ...ids)
    for (const id of ids) desk.contacts.lose(id)
    expect(desk.contacts.wakeAtMs()).toBe(0)
  })
})

test('who is found without knowing of this node is dialled soon', () => {
  desk.contacts.find(early, ADDRESS, 0)
  expect(desk.contacts.wakeAtMs()).toBeLessThanOrEqual(150)
})

test('what anybody can claim of a node is dialled behind what it says itself, not in its place, and only when that has failed', () => {
  const { contacts } = desk
  const addressesAt = (nowMs: number): readonly string[] | undefined => {
    const [dial] = contacts.take(nowMs)
    contacts.onDialFailed(late, UNREACHABLE, nowMs)
    return dial?.addresses
  }
  contacts.note(late, ['/sim/late', '/sim/later'], 0)
  contacts.find(late, ['/sim/made-up', '/sim/late'], 0)
  expect(addressesAt(0)).toEqual(['/sim/late', '/sim/later'])
  expect(addressesAt(1_000)).toEqual(['/sim/late', '/sim/later', '/sim/made-up'])
  contacts.find(
    late,
    Array.from({ length: 100 }, (_, index) => `/sim/${index}`),
    10_000,
  )
  expect(addressesAt(10_000)).toHaveLength(2)
  expect(addressesAt(11_000)).toHaveLength(2 + 16)
  contacts.note(late, ['/sim/late', '/sim/later'], 20_000)
  expect(addressesAt(30_000)).toHaveLength(2 + 16)
  // It listens elsewhere now.
  contacts.note(late, ['/sim/new'], 40_000)
  expect(addressesAt(40_000)).toEqual(['/sim/new'])
})

test('what anybody can claim does not make a node forget where its mesh is', () => {
  desk.contacts.addSeed('seed', 0)
  desk.contacts.note(late, ['/sim/late'], 0)
  desk.contacts.lose(late)
  desk.contacts.find(early, ['/sim/early'], 0)
  desk.contacts.onDialled(early, early, 0)
  for (const key of ['seed', late, early]) desk.contacts.onDialFailed(key, UNREACHABLE, 0)
  for (let index = 0; index < CONTACTS_MAX + 10; index++)
    desk.contacts.find(nodeId(`x${index}`), [`/sim/x${index}`], 0)
  expect(desk.contacts.problems().map(({ address }) => address)).toEqual(['seed', '/sim/late', '/sim/early'])
})

test('what anybody can claim does not keep a node from dialling a member whose session has ended', () => {
  desk.contacts.note(late, ['/sim/late'], 0)
  desk.contacts.onPeerUp(late)
  for (let times = 0; times < 1_000; times++) desk.contacts.find(nodeId(`claimed${times}`), ['/nowhere'], 0)
  // Nothing comes of any of them.
  desk.until(10_000)
  desk.contacts.onPeerDown(late, 10_000)
  const before = desk.until(12_000)
  expect(before).toContain(late)
})

describe('of many addresses that never answer', () => {
  /** So long a dial takes of which nothing comes. */
  const SILENT_MS = 4_000
  const seeds = Array.from({ length: 40 }, (_, index) => `/off/${index}`)
  let pending: { readonly key: string; readonly endMs: number }[]

  /** What is dialled until then, and when: nothing comes of any of it. */
  const passUntil = (untilMs: number): Map<string, number> => {
    const dialled = new Map<string, number>()
    while (desk.nowMs < untilMs) {
      const ends = pending.map(({ endMs }) => endMs)
      desk.until(Math.min(untilMs, Math.max(desk.nowMs, desk.contacts.wakeAtMs()), ...ends), (key, nowMs) => {
        if (!dialled.has(key)) dialled.set(key, nowMs)
        pending.push({ key, endMs: nowMs + SILENT_MS })
      })
      for (const { key } of pending.filter(({ endMs }) => endMs <= desk.nowMs))
        desk.contacts.onDialFailed(key, UNREACHABLE, desk.nowMs)
      pending = pending.filter(({ endMs }) => endMs > desk.nowMs)
    }
    return dialled
  }

  /** How long after now somebody is dialled; Infinity: not within a minute. */
  const waitMs = (key: string): number => {
    const startMs = desk.nowMs
    return (passUntil(startMs + 60_000).get(key) ?? Infinity) - startMs
  }

  beforeEach(() => {
    pending = []
    for (const seed of seeds) desk.contacts.addSeed(seed, 0)
  })

  test.each([5_000, 60_000])('a member whose session ends after %d ms is dialled at once', endMs => {
    desk.contacts.note(late, ['/sim/late'], 0)
    desk.contacts.onPeerUp(late)
    passUntil(endMs)
    desk.contacts.onPeerDown(late, desk.nowMs)
    expect(waitMs(late)).toBe(0)
  })

  test('so is one that this node has dialled, also beside members that do not answer', () => {
    for (let index = 0; index < 40; index++) desk.contacts.note(nodeId(`n${index}`), [`/sim/n${index}`], 0)
    passUntil(60_000)
    desk.contacts.note(late, ['/sim/late'], desk.nowMs)
    // A transport tells of the session first.
    desk.contacts.onPeerUp(late)
    desk.contacts.onDialled(late, late, desk.nowMs)
    passUntil(120_000)
    desk.contacts.onPeerDown(late, desk.nowMs)
    expect(waitMs(late)).toBe(0)
  })

  test('so is a seed that is new, and one that nobody knows has its turn all the same', () => {
    passUntil(60_000)
    desk.contacts.addSeed('/new', desk.nowMs)
    desk.contacts.find(late, ['/claimed'], desk.nowMs)
    const dialled = passUntil(120_000)
    expect(dialled.get('/new')).toBe(60_000)
    expect([...dialled.keys()]).toEqual(expect.arrayContaining([late, ...seeds]))
  })

  test('the dead are dialled as if there were no others: so the sides of a partition meet', () => {
    desk.contacts.note(late, ['/sim/late'], 0)
    desk.contacts.onPeerUp(late)
    passUntil(60_000)
    desk.contacts.onPeerDown(late, desk.nowMs)
    passUntil(63_000)
    desk.contacts.lose(late)
    passUntil(120_000)
    for (let times = 0; times < 10; times++) {
      const dialled = passUntil(desk.nowMs + 10_000)
      expect(dialled.has(late)).toBe(true)
    }
  })

  test('none of them waits for ever, however many members do not answer', () => {
    for (let index = 0; index < 40; index++) desk.contacts.note(nodeId(`n${index}`), [`/sim/n${index}`], 0)
    passUntil(60_000)
    expect([...passUntil(180_000).keys()]).toEqual(expect.arrayContaining(seeds))
  })
})

test('whoever is claimed to be elsewhere again and again is dialled all the same', () => {
  const dialled: string[] = []
  for (let nowMs = 0; nowMs < 1_000; nowMs += 50) {
    desk.contacts.find(early, [`/elsewhere/${nowMs}`], nowMs)
    dialled.push(...desk.until(nowMs))
  }
  expect(dialled).toEqual([early])
})

test('who is dead is to be dialled when a member names its address no more', () => {
  const address = '/ip4/10.0.0.5/tcp/7000'
  desk.contacts.note(late, [address], 0)
  desk.contacts.lose(late)
  desk.contacts.note(early, [address], 0)
  desk.contacts.onPeerUp(early)
  expect(desk.contacts.wakeAtMs()).toBe(Infinity)
  desk.contacts.note(early, [], 0)
  expect(desk.contacts.wakeAtMs()).toBeLessThan(Infinity)
})

test('a member that is back is not dead, also where it names no address', () => {
  const address = '/ip4/10.0.0.5/tcp/7000'
  desk.contacts.note(late, [address], 0)
  desk.contacts.lose(late)
  expect(desk.contacts.isNews(late, 'refused')).toBe(false)
  desk.contacts.note(late, [], 0)
  expect(desk.contacts.isNews(late, 'refused')).toBe(true)
})
