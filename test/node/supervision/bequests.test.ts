/** What members of groups leave behind, where two nodes have decided for one group at once, or a user at the same time. */

import { beforeEach, describe, expect, test } from 'vitest'

import { specId } from '../../../src/ids.ts'
import { Bequests } from '../../../src/node/supervision/bequests.ts'
import { HEIR_MS } from '../../../src/node/supervision/handoffs.ts'
import { SURE_MS } from '../../../src/node/supervision/losses.ts'
import type { Generation, Phase, PlacedSlot } from '../../../src/protocol/phase.ts'
import { PHASE, SLOT, SUCCESSOR, here, since, there } from './heirs.ts'

/** Nobody waits for anything so long. */
const LONG_MS = 3_600_000

/** What others have been given. */
let given: number[]
let lost: string[]
/** Where the worker of the slot that has not ended was placed. */
let running: Generation | undefined
let bequests: Bequests
/** The revision of the slot that the spec has. */
let wanted: number | undefined

beforeEach(() => {
  running = undefined
  wanted = PHASE.revision
  given = []
  lost = []
  bequests = new Bequests({
    send: (_to, message) => {
      if (message.kind === 'handoff-state') given.push(...message.bytes)
    },
    isThere: (_slot, placedIn) =>
      running !== undefined && running.number === placedIn.number && running.tag === placedIn.tag,
    isWanted: (_slot, revision) => revision === wanted,
    isLost: () => true,
    onLost: (slot, heir) => lost.push(`${heir} ${slot}`),
  })
})

describe('where a worker of this node has started again with what it had left behind, and its generation is overruled', () => {
  const legacy = { owner: here, since }
  const again: PlacedSlot = { ...SUCCESSOR, owner: here, legacy }
  const rival: PlacedSlot = { ...again, owner: there, since: { number: 4, tag: 2 } }
  const winner: Phase = { ...PHASE, generation: rival.since, layout: [rival] }
  const ask = { kind: 'handoff-ask', slot: SLOT, generation: since.number } as const

  beforeEach(() => {
    bequests.keep(SLOT, since, { bytes: new Uint8Array([1]), revision: PHASE.revision })
    expect(bequests.of(again, legacy)).toEqual({ kind: 'here', bytes: new Uint8Array([1]) })
    running = again.since
    bequests.follow({ ...PHASE, layout: [again], ready: [SLOT] }, 0)
    given = []
    lost = []
  })

  test('whoever asks for the older one is given what it has left behind since', () => {
    running = undefined
    bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), revision: PHASE.revision })
    bequests.follow(winner, 1)
    expect(bequests.outgrown(winner)).toEqual([])
    expect([...bequests.slotsLeft()]).toEqual([SLOT])
    bequests.onAsk(ask, there.id, 1)
    expect(given).toEqual([2])
    bequests.follow({ ...winner, ready: [SLOT] }, 1)
    expect(bequests.isFree).toBe(true)
    expect(lost).toEqual([])
  })

  test.each<[string, number, () => void]>([
    [
      'what it leaves behind',
      2,
      () => bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), revision: PHASE.revision }),
    ],
    ['the older one where it leaves nothing behind', 1, () => bequests.onEnded(SLOT)],
    ['the older one where it does not end', 1, () => bequests.onAsk(ask, there.id, HEIR_MS)],
  ])('it is to hand over, and whoever asks meanwhile is given %s', (_, bytes, happens) => {
    bequests.onAsk(ask, there.id, 0)
    bequests.follow(winner, 0)
    expect(bequests.outgrown(winner)).toEqual([SLOT])
    expect(given).toEqual([])
    happens()
    expect(given).toEqual([bytes])
  })

  test('the one that is placed here waits for it', () => {
    const next = { ...rival, owner: here }
    bequests.follow({ ...winner, layout: [next] }, 0)
    expect(bequests.of(next, legacy)).toEqual({ kind: 'coming' })
    running = undefined
    bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), revision: PHASE.revision })
    expect(bequests.of(next, legacy)).toEqual({ kind: 'here', bytes: new Uint8Array([2]) })
  })

  test('one that goes on in the row is not to hand over', () => {
    expect(bequests.outgrown({ ...PHASE, layout: [again] })).toEqual([])
  })

  test('whoever has been given the older one has not been given what it leaves behind later: that is lost', () => {
    bequests.follow(winner, 0)
    bequests.onAsk(ask, there.id, 0)
    bequests.onAsk(ask, there.id, HEIR_MS)
    bequests.follow({ ...winner, ready: [SLOT] }, HEIR_MS)
    running = undefined
    bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), revision: PHASE.revision })
    bequests.follow({ ...winner, ready: [SLOT] }, HEIR_MS + 1)
    expect(given).toEqual([1])
    bequests.tick(HEIR_MS + 1 + SURE_MS)
    expect(lost).toEqual([`${there.id} ${SLOT}`])
  })

  test.each([
    { what: 'what it had started with', startedWith: [1], isLost: false },
    { what: 'something else', startedWith: [2], isLost: true },
    { what: 'what nobody else has', startedWith: undefined, isLost: true },
  ])(
    'what it leaves behind is $what: is it lost where the other one is given something else? $isLost',
    init => {
      const startedWith = init.startedWith && new Uint8Array(init.startedWith)
      const bytes = new Uint8Array([1])
      const other = { ...rival, legacy: { owner: there, since: { number: 3, tag: 2 } } }
      const third = { number: 4, tag: 3 }
      running = undefined
      bequests.keep(SLOT, third, { bytes, revision: PHASE.revision, startedWith })
      bequests.follow({ ...winner, layout: [other] }, 0)
      bequests.tick(SURE_MS)
      expect(lost).toEqual(init.isLost ? [`undefined ${SLOT}`] : [])
    },
  )

  test('whoever asks for it once more, as one that has started with it since is overruled too, waits as long', () => {
    bequests.onAsk(ask, there.id, 0)
    running = undefined
    bequests.onEnded(SLOT)
    const third = { ...again, since: { number: 4, tag: 3 } }
    bequests.of(third, legacy)
    running = third.since
    given = []
    bequests.onAsk(ask, there.id, HEIR_MS)
    bequests.keep(SLOT, third.since, { bytes: new Uint8Array([3]), revision: PHASE.revision })
    expect(given).toEqual([3])
  })

  test('who asks before the row has come is given it, however long ago the worker has started', () => {
    bequests.onAsk(ask, there.id, HEIR_MS - 1)
    bequests.tick(HEIR_MS)
    bequests.follow(winner, HEIR_MS + 1)
    expect(bequests.outgrown(winner)).toEqual([SLOT])
    running = undefined
    bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), revision: PHASE.revision })
    expect(given).toEqual([2])
  })

  describe('by one in which the worker that has left it goes on', () => {
    const asItWas: PlacedSlot = { ...SUCCESSOR, owner: here, since, legacy: undefined }
    const undone: Phase = { ...PHASE, generation: rival.since, layout: [asItWas], pending: [] }

    test('it is to hand over, and its state goes to whoever starts in place of that one', () => {
      bequests.follow(undone, 0)
      expect(bequests.outgrown(undone)).toEqual([SLOT])
      running = undefined
      bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), revision: PHASE.revision })
      bequests.follow(undone, 1)
      expect(bequests.has(asItWas)).toBe(true)
      expect([...bequests.slotsLeft()]).toEqual([SLOT])
      bequests.onAsk(ask, there.id, 1)
      expect(given).toEqual([2])
    })

    test('what it has started with is waited for again where it leaves nothing behind', () => {
      running = undefined
      bequests.follow(undone, 1)
      expect(bequests.isFree).toBe(false)
      bequests.tick(HEIR_MS)
      expect(bequests.has(asItWas)).toBe(true)
    })
  })
})

test('what a worker has left behind is kept for as long as the row has its successor start, or none', () => {
  bequests.keep(SLOT, since, { bytes: new Uint8Array([1]), revision: PHASE.revision })
  const before: Phase = { ...PHASE, layout: [{ ...SUCCESSOR, since, legacy: undefined }], pending: [] }
  const named = { ...PHASE, layout: [{ ...SUCCESSOR, owner: there, legacy: { owner: here, since } }] }
  for (const [index, phase] of [before, named].entries()) {
    bequests.follow(phase, index * LONG_MS)
    expect(bequests.wakeAtMs()).toBe(Infinity)
    bequests.tick((index + 1) * LONG_MS)
    expect([...bequests.slotsLeft()]).toEqual([SLOT])
  }
  expect(lost).toEqual([])
})

describe('what a worker has left behind for which the row has no place any more', () => {
  const without: Phase = { ...PHASE, layout: [], pending: [] }

  beforeEach(() => {
    bequests.keep(SLOT, since, { bytes: new Uint8Array([1]), revision: PHASE.revision })
    bequests.follow({ ...PHASE, layout: [{ ...SUCCESSOR, since, legacy: undefined }], pending: [] }, 0)
  })

  test.each([undefined, PHASE.revision + 1])(
    'is waited for by nobody where a user has removed or stopped it, or added it anew: %s',
    revision => {
      wanted = revision
      bequests.follow(without, 0)
      bequests.tick(SURE_MS)
      expect(bequests.isFree).toBe(true)
      expect(lost).toEqual([])
    },
  )

  test('is lost where no node can run it', () => {
    bequests.follow(without, 0)
    bequests.follow(without, 1)
    bequests.tick(SURE_MS)
    expect(bequests.isFree).toBe(true)
    expect(lost).toEqual([`undefined ${SLOT}`])
  })

  test('is kept where that is the row of another group', () => {
    const other = { ...without, spec: specId('other') }
    bequests.follow(other, 0)
    bequests.dropAll(other)
    expect(bequests.isFree).toBe(false)
  })

  test('is gone with the whole group', () => {
    bequests.dropAll(without)
    expect(bequests.isEmpty).toBe(true)
    expect(lost).toEqual([])
  })
})
