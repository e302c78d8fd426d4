/** What members of groups start with, as long as they are to start. */

import { beforeEach, describe, expect, test } from 'vitest'

import { type SlotId, slotId, specId } from '../../../src/ids.ts'
import { HEIR_MS } from '../../../src/node/supervision/handoffs.ts'
import { HEIRS_MAX } from '../../../src/node/supervision/bequests.ts'
import { COMING_MAX, Legacies } from '../../../src/node/supervision/legacies.ts'
import { SURE_MS } from '../../../src/node/supervision/losses.ts'
import { ASK_MS, STATE_MS } from '../../../src/node/supervision/patience.ts'
import type { Phase, PlacedSlot } from '../../../src/protocol/phase.ts'
import { GROUP, PHASE, SLOT, SUCCESSOR, elsewhere, here, since, there } from './heirs.ts'

/** What a worker of this node has left behind. */
const LEFT = { bytes: new Uint8Array([1]), revision: SUCCESSOR.revision }
/** One that has started with something. */
const STARTED = { slot: SLOT, handoff: new Uint8Array([1, 2, 3]) }

let asks: string[]
let changed: SlotId[]
let lost: string[]
/** Where it is gone: whether without a word. */
let isLost: boolean
/** No user has ended the member, or started it anew. */
let isWanted: boolean
let legacies: Legacies

beforeEach(() => {
  asks = []
  changed = []
  lost = []
  isLost = true
  isWanted = true
  legacies = new Legacies({
    run: () => here,
    send: (to, message) => asks.push(`${message.kind} to ${to}`),
    isGone: () => false,
    silentMs: () => 2_000,
    isThere: () => false,
    isWanted: () => isWanted,
    isLost: () => isLost,
    onLost: (slot, heir, from) => lost.push(`${from === undefined ? '' : `from ${from} `}${heir} ${slot}`),
    onChanged: slot => changed.push(slot),
  })
  expect(legacies.of(SUCCESSOR, 0)).toEqual({ kind: 'coming' })
  const bytes = new Uint8Array([1, 2, 3])
  legacies.onState(
    { kind: 'handoff-state', slot: SLOT, generation: since.number, index: 0, count: 1, bytes },
    there.id,
    0,
  )
  expect(asks).toEqual(['handoff-ask to there'])
})

/** Whether it still has what has come. */
function hasKept(): boolean {
  return legacies.of(SUCCESSOR, 0).kind === 'here'
}

test('what has come is kept as long as the row places the worker here', () => {
  legacies.follow({ ...PHASE, rank: 'failed' }, 0)
  legacies.follow({ ...PHASE, spec: specId('other'), layout: [] }, 0)
  legacies.dropAll({ ...PHASE, spec: specId('other'), layout: [] })
  expect(hasKept()).toBe(true)
})

test.each<[string, () => void]>([
  [
    'starts on another node',
    () => legacies.follow({ ...PHASE, layout: [{ ...SUCCESSOR, owner: elsewhere }] }, 0),
  ],
  ['is not in the row any more', () => legacies.follow({ ...PHASE, layout: [] }, 0)],
  [
    'starts with nothing',
    () => legacies.follow({ ...PHASE, layout: [{ ...SUCCESSOR, legacy: undefined }] }, 0),
  ],
  ['is not to run', () => legacies.dropAll(PHASE)],
])('where the worker %s, it is not', (_, happens) => {
  happens()
  legacies.tick(SURE_MS)
  expect(legacies.wakeAtMs()).toBe(Infinity)
  expect(hasKept()).toBe(false)
})

describe('what has come for a worker of this node', () => {
  const rival: PlacedSlot = { ...SUCCESSOR, owner: elsewhere, since: { number: 5, tag: 2 } }
  const next: Phase = { ...PHASE, generation: rival.since, layout: [rival] }
  const bare: Phase = { ...next, layout: [{ ...rival, legacy: undefined }] }

  test.each<[string, readonly Phase[], boolean]>([
    ['is lost where it is to begin with nothing elsewhere', [bare], true],
    ['is not where whoever begins elsewhere is to have it', [next], false],
    ['is not where a row that comes soon gives it to somebody', [bare, next], false],
    ['is lost where nobody begins', [{ ...bare, layout: [] }], true],
  ])('and has not begun, %s', (_, phases, has) => {
    for (const phase of phases) legacies.follow(phase, 0)
    legacies.tick(SURE_MS)
    expect(lost).toEqual(has ? [`from ${there.id} undefined ${SLOT}`] : [])
  })

  test('is not lost where it has started with it', () => {
    legacies.of(SUCCESSOR, 0)
    legacies.onStarted(STARTED, 0)
    legacies.follow(bare, 0)
    legacies.tick(SURE_MS)
    expect(lost).toEqual([])
  })
})

test('whoever starts without what the row has for it tells that it is lost: once', () => {
  const other: PlacedSlot = { ...SUCCESSOR, slot: slotId(GROUP, 'o') }
  legacies.of(other, 0)
  expect(legacies.of(other, STATE_MS).kind).toBe('here')
  legacies.onStarted({ slot: other.slot }, STATE_MS)
  legacies.onStarted({ slot: other.slot }, STATE_MS)
  expect(lost).toEqual([`from ${there.id} undefined ${other.slot}`])
})

test.each<[string, () => void]>([
  ['is not in the row any more', () => legacies.follow({ ...PHASE, layout: [] }, 0)],
  [
    'starts on another node',
    () => legacies.follow({ ...PHASE, layout: [{ ...SUCCESSOR, owner: elsewhere }] }, 0),
  ],
  ['is not to run', () => legacies.dropAll(PHASE)],
])('where a worker that was to start with something %s, that is forgotten', (_, happens) => {
  legacies.of(SUCCESSOR, 0)
  happens()
  legacies.onStarted({ slot: SLOT }, 0)
  expect(lost).toEqual([])
})

test('whoever has nothing to start with loses nothing', () => {
  legacies.of(SUCCESSOR, 0)
  legacies.of({ ...SUCCESSOR, legacy: undefined }, 0)
  legacies.onStarted({ slot: SLOT }, 0)
  expect(lost).toEqual([])
})

test('what a worker has started with is there for a generation that overrules the one it has started for', () => {
  expect(hasKept()).toBe(true)
  legacies.onStarted(STARTED, 0)
  const rival: PlacedSlot = { ...SUCCESSOR, since: { number: 4, tag: 2 } }
  legacies.follow({ ...PHASE, generation: rival.since, layout: [rival] }, 1)
  expect(legacies.of(rival, 1)).toEqual({ kind: 'here', bytes: new Uint8Array([1, 2, 3]) })
  legacies.onStarted(STARTED, 1)
  expect(asks).toEqual(['handoff-ask to there'])
  legacies.tick(legacies.wakeAtMs())
  expect(legacies.wakeAtMs()).toBe(Infinity)
  expect(hasKept()).toBe(false)
})

test("what a worker has started with is nobody's once it is placed with something else, or nothing", () => {
  legacies.onStarted(STARTED, 0)
  const next: PlacedSlot = { ...SUCCESSOR, since: { number: 5, tag: 1 }, legacy: undefined }
  legacies.follow({ ...PHASE, generation: next.since, layout: [next] }, 1)
  expect(legacies.wakeAtMs()).toBe(Infinity)
  expect(hasKept()).toBe(false)
})

describe('what a worker of this node has left behind', () => {
  const left: PlacedSlot = { ...SUCCESSOR, owner: there, legacy: { owner: here, since } }
  const phase: Phase = { ...PHASE, layout: [left] }
  const ask = { kind: 'handoff-ask', slot: SLOT, generation: since.number } as const

  beforeEach(() => {
    legacies.bequests.keep(SLOT, since, LEFT)
    legacies.follow(phase, 0)
  })

  test('is lost where nobody has asked for it when this node goes', () => {
    expect([...legacies.bequests.slotsLeft()]).toEqual([SLOT])
    legacies.bequests.giveUp()
    expect(lost).toEqual([`undefined ${SLOT}`])
  })

  test('is no loss of this node where its successor starts without: that one tells', () => {
    legacies.follow({ ...phase, ready: [SLOT] }, 0)
    legacies.tick(SURE_MS)
    expect(lost).toEqual([])
    expect([...legacies.bequests.slotsLeft()]).toEqual([])
  })

  describe('and that no row gives to anybody any more', () => {
    const rival: PlacedSlot = { ...left, since: { number: 5, tag: 2 }, legacy: undefined }
    const overtaken: Phase = { ...phase, generation: rival.since, layout: [rival] }

    test('is lost, once, when that has stayed so for a while', () => {
      legacies.follow(overtaken, 0)
      legacies.tick(SURE_MS - 1)
      expect(lost).toEqual([])
      for (const nowMs of [SURE_MS, SURE_MS + 1]) {
        legacies.tick(nowMs)
        legacies.follow(overtaken, nowMs)
      }
      expect(lost).toEqual([`${there.id} ${SLOT}`])
      expect(legacies.wakeAtMs()).toBe(Infinity)
    })

    test('is lost at once when this node goes', () => {
      legacies.follow(overtaken, 0)
      legacies.bequests.giveUp()
      legacies.tick(SURE_MS)
      expect(lost).toEqual([`${there.id} ${SLOT}`])
    })

    test.each<[string, () => void]>([
      ['another row gives it to somebody within that time', () => legacies.follow(phase, 1)],
      ['somebody asks for it', () => legacies.bequests.onAsk(ask, there.id, 1)],
      ['the group is gone by then', () => legacies.dropAll(overtaken)],
      ['a user has started the member anew', () => (isWanted = false)],
    ])('is not where %s', (_, happens) => {
      legacies.follow(overtaken, 0)
      happens()
      legacies.tick(SURE_MS)
      expect(lost).toEqual([])
    })

    test('is not where it was given to somebody: that one has it to tell of', () => {
      legacies.bequests.onAsk(ask, there.id, 0)
      legacies.follow(overtaken, 0)
      legacies.tick(SURE_MS)
      expect(lost).toEqual([])
    })

    test.each([true, false])(
      'is where a worker was placed here with it, unless that has started: %s',
      has => {
        const again = { ...left, owner: here }
        legacies.of(again, 0)
        if (has) legacies.onStarted(STARTED, 0)
        legacies.follow(overtaken, 0)
        legacies.tick(SURE_MS)
        expect(lost).toEqual(has ? [] : [`${there.id} ${SLOT}`])
      },
    )
  })

  describe('and has been taken', () => {
    const rival: PlacedSlot = { ...left, owner: elsewhere, since: { number: 4, tag: 2 } }
    const next: Phase = { ...phase, generation: { number: 5, tag: 1 }, ready: [SLOT] }

    beforeEach(() => {
      legacies.bequests.onAsk(ask, there.id, 0)
      legacies.follow({ ...phase, ready: [SLOT] }, 0)
      asks.length = 0
    })

    test('is there still for a rival of the same number, which overrules the one that has started', () => {
      expect(legacies.bequests.isFree).toBe(true)
      legacies.bequests.onAsk(ask, elsewhere.id, 0)
      legacies.follow({ ...phase, generation: rival.since, layout: [rival] }, 1)
      expect(legacies.bequests.isFree).toBe(false)
      legacies.tick(HEIR_MS + 1)
      legacies.bequests.onAsk(ask, elsewhere.id, 0)
      expect(asks).toEqual(['handoff-state to elsewhere', 'handoff-state to elsewhere'])
    })

    test('is not after a while, and until then also where a later generation of those that have started with it has come', () => {
      legacies.follow(next, 1)
      legacies.tick(HEIR_MS - 1)
      legacies.bequests.onAsk(ask, elsewhere.id, 0)
      legacies.tick(HEIR_MS)
      expect(legacies.bequests.isEmpty).toBe(true)
      legacies.bequests.onAsk(ask, elsewhere.id, 0)
      expect(asks).toEqual(['handoff-state to elsewhere', 'handoff-refuse to elsewhere'])
    })
  })

  test('is not where that one has been given it, or starts here, or nothing of it is to run', () => {
    legacies.bequests.onAsk(ask, there.id, 0)
    legacies.follow({ ...phase, ready: [SLOT] }, 0)
    legacies.bequests.keep(SLOT, since, LEFT)
    expect(legacies.of({ ...left, owner: here }, 0)).toMatchObject({ kind: 'here' })
    legacies.follow({ ...phase, ready: [SLOT] }, 0)
    legacies.bequests.keep(SLOT, since, LEFT)
    legacies.dropAll(phase)
    expect(lost).toEqual([])
  })

  test('is kept while the row has it where it was, and no longer where another generation has won', () => {
    const asItWas = { ...left, owner: here, since, legacy: undefined }
    legacies.follow({ ...phase, layout: [asItWas], pending: [] }, 0)
    expect([...legacies.bequests.slotsLeft()]).toEqual([SLOT])
    // There it runs since an earlier generation: what was made for the one that has lost is nobody's.
    legacies.follow(
      {
        ...phase,
        layout: [{ ...asItWas, owner: there, since: { number: 2, tag: 1 } }],
        pending: [],
      },
      0,
    )
    expect([...legacies.bequests.slotsLeft()]).toEqual([])
  })
})

describe('what is left behind and given to one heir after the other', () => {
  const left: PlacedSlot = { ...SUCCESSOR, owner: there, legacy: { owner: here, since } }
  const ask = { kind: 'handoff-ask', slot: SLOT, generation: since.number } as const
  const last = 4 + HEIRS_MAX
  const [handed, refused] = ['handoff-state', 'handoff-refuse'].map(
    kind => `${kind} to there, ${kind} to there`,
  )

  /** @returns what each is told, the last one of which starts */
  function answers(): string[] {
    legacies.bequests.keep(SLOT, since, LEFT)
    return Array.from({ length: HEIRS_MAX + 1 }, (_, index) => {
      const number = 4 + index
      const phase: Phase = { ...PHASE, layout: [{ ...left, since: { number, tag: 1 } }] }
      legacies.follow(phase, 0)
      legacies.follow(phase, 0)
      asks.length = 0
      legacies.bequests.onAsk(ask, there.id, 0)
      legacies.bequests.onAsk(ask, there.id, 0)
      const answer = asks.join(', ')
      if (number === last) legacies.follow({ ...phase, ready: [SLOT] }, 0)
      return answer
    })
  }

  test('has been given to enough of them where they are lost before they start', () => {
    expect(answers()).toEqual([handed, handed, handed, refused])
  })

  test('is given to the next one where they have to move on before they start', () => {
    isLost = false
    expect(answers()).toEqual([handed, handed, handed, handed])
    expect(lost).toEqual([])
  })
})

describe('over a thin link', () => {
  const other: PlacedSlot = { ...SUCCESSOR, slot: slotId(GROUP, 'o') }
  const last: PlacedSlot = { ...SUCCESSOR, slot: slotId(GROUP, 'p') }
  const bytes = new Uint8Array([1])

  test('what comes bit by bit is neither asked for again nor given up, nor what waits behind it', () => {
    legacies.of(other, 0)
    legacies.of(last, 0)
    expect(asks.length).toBe(3)
    for (let index = 0; index < 15; index++) {
      const nowMs = (index + 1) * 0.9 * ASK_MS
      const part = { kind: 'handoff-state', slot: other.slot, generation: since.number } as const
      expect(legacies.onState({ ...part, index, count: 20, bytes }, there.id, nowMs)).toBe(true)
      legacies.tick(nowMs)
      for (const placed of [other, last]) expect(legacies.of(placed, nowMs).kind).toBe('coming')
    }
    expect(asks.length).toBe(3)
    const silentMs = 15 * 0.9 * ASK_MS
    legacies.tick(silentMs + ASK_MS)
    expect(asks.length).toBe(5)
    for (const placed of [other, last])
      expect(legacies.of(placed, silentMs + STATE_MS)).toEqual({ kind: 'here', bytes: undefined })
  })
})

test('what was waited for in vain is asked for again where its owner is heard of before its worker can start', () => {
  const other: PlacedSlot = { ...SUCCESSOR, slot: slotId(GROUP, 'o') }
  const last: PlacedSlot = { ...SUCCESSOR, slot: slotId(GROUP, 'p') }
  for (const placed of [other, last]) legacies.of(placed, 0)
  legacies.tick(STATE_MS)
  const part = { kind: 'handoff-state', generation: since.number, index: 0, count: 1 } as const
  const bytes = new Uint8Array([1])
  legacies.onState({ ...part, slot: last.slot, bytes }, there.id, STATE_MS + 1)
  asks.length = 0
  expect(legacies.of(other, STATE_MS + 2).kind).toBe('coming')
  expect(asks).toEqual(['handoff-ask to there'])
  expect(legacies.wakeAtMs()).toBeLessThanOrEqual(2 * STATE_MS + 1)
})

test('so many are asked for at once, of whatever group, and the next ones when something has come', () => {
  const slots = Array.from({ length: COMING_MAX + 1 }, (_, n) => slotId(specId(`g${n}`), 'm'))
  for (const slot of slots) expect(legacies.of({ ...SUCCESSOR, slot }, 0)).toEqual({ kind: 'coming' })
  expect(asks.length).toBe(1 + COMING_MAX)
  const [first = SLOT] = slots
  const last = slots.at(-1) ?? SLOT
  const part = { kind: 'handoff-state', generation: since.number, index: 0, count: 1 } as const
  legacies.onState({ ...part, slot: first, bytes: new Uint8Array([1]) }, there.id, 10)
  expect(changed.slice(-2)).toEqual([first, last])
  expect(legacies.of({ ...SUCCESSOR, slot: last }, 10)).toEqual({ kind: 'coming' })
  expect(asks.length).toBe(2 + COMING_MAX)
})

test('who waits for something in vain, and is not looked at, keeps nobody else from asking', () => {
  const slots = Array.from({ length: COMING_MAX + 1 }, (_, n) => slotId(specId(`g${n}`), 'm'))
  for (const slot of slots) legacies.of({ ...SUCCESSOR, slot }, 0)
  const last = slots.at(-1) ?? SLOT
  for (const nowMs of [STATE_MS, STATE_MS + 1]) legacies.tick(nowMs)
  expect(changed).toContain(last)
  asks.length = 0
  legacies.of({ ...SUCCESSOR, slot: last }, STATE_MS + 1)
  expect(asks).toEqual(['handoff-ask to there'])
})
