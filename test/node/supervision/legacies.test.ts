/** What members of groups start with, as long as they are to start. */

import { beforeEach, describe, expect, test } from 'vitest'

import { type Run, type SlotId, nodeId, slotId, specId } from '../../../src/ids.ts'
import { HEIR_MS } from '../../../src/node/supervision/handoffs.ts'
import { HEIRS_MAX } from '../../../src/node/supervision/bequests.ts'
import { COMING_MAX, Legacies } from '../../../src/node/supervision/legacies.ts'
import { ASK_MS, STATE_MS } from '../../../src/node/supervision/patience.ts'
import type { Generation, Phase, PlacedSlot } from '../../../src/protocol/phase.ts'

const runOf = (id: string): Run => ({ id: nodeId(id), boot: 1 })
const [here, there, elsewhere] = [runOf('here'), runOf('there'), runOf('elsewhere')]
const GROUP = specId('g')
const SLOT = slotId(GROUP, 'm')
const since = { number: 3, tag: 1 }
const SUCCESSOR: PlacedSlot = {
  slot: SLOT,
  owner: here,
  since: { number: 4, tag: 1 },
  revision: 1,
  isNew: false,
  legacy: { owner: there, since },
}
const PHASE: Phase = {
  spec: GROUP,
  specVersion: { ms: 1, count: 0, node: here.id },
  revision: 1,
  generation: SUCCESSOR.since,
  coordinator: here,
  layout: [SUCCESSOR],
  away: [],
  pending: [SLOT],
  isFirst: false,
  previous: [],
  restarts: [],
  failures: [],
  since: [],
  rank: 'starting',
  ready: [],
  exits: [],
  stopped: [],
  left: [],
}

let asks: string[]
/** What others have been given. */
let given: number[]
let changed: SlotId[]
let lost: string[]
/** Where it is gone: whether without a word. */
let isLost: boolean
/** Where the worker of the slot that has not ended was placed. */
let running: Generation | undefined
let legacies: Legacies

beforeEach(() => {
  asks = []
  given = []
  changed = []
  lost = []
  isLost = true
  running = undefined
  legacies = new Legacies({
    run: () => here,
    send: (to, message) => {
      asks.push(`${message.kind} to ${to}`)
      if (message.kind === 'handoff-state') given.push(...message.bytes)
    },
    isGone: () => false,
    isThere: (_slot, placedIn) =>
      running !== undefined && running.number === placedIn.number && running.tag === placedIn.tag,
    isLost: () => isLost,
    onLost: (slot, heir) => lost.push(`${heir} ${slot}`),
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
  expect(legacies.wakeAtMs()).toBe(Infinity)
  expect(hasKept()).toBe(false)
})

test('what a worker has started with is there for a generation that overrules the one it has started for', () => {
  expect(hasKept()).toBe(true)
  legacies.onStarted(SLOT, 0)
  const rival: PlacedSlot = { ...SUCCESSOR, since: { number: 4, tag: 2 } }
  legacies.follow({ ...PHASE, generation: rival.since, layout: [rival] }, 1)
  expect(legacies.of(rival, 1)).toEqual({ kind: 'here', bytes: new Uint8Array([1, 2, 3]) })
  legacies.onStarted(SLOT, 1)
  expect(asks).toEqual(['handoff-ask to there'])
  legacies.tick(legacies.wakeAtMs())
  expect(legacies.wakeAtMs()).toBe(Infinity)
  expect(hasKept()).toBe(false)
})

test("what a worker has started with is nobody's once it is placed with something else, or nothing", () => {
  legacies.onStarted(SLOT, 0)
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
    legacies.bequests.keep(SLOT, since, { bytes: new Uint8Array([1]), nowMs: 0 })
    legacies.follow(phase, 0)
  })

  test('is lost where its successor starts without having asked, or nobody has when this node goes', () => {
    expect([...legacies.bequests.slotsLeft()]).toEqual([SLOT])
    legacies.bequests.giveUp()
    legacies.follow({ ...phase, ready: [SLOT] }, 0)
    expect(lost).toEqual([`undefined ${SLOT}`, `${there.id} ${SLOT}`])
    expect([...legacies.bequests.slotsLeft()]).toEqual([])
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
    legacies.bequests.keep(SLOT, since, { bytes: new Uint8Array([1]), nowMs: 0 })
    expect(legacies.of({ ...left, owner: here }, 0)).toMatchObject({ kind: 'here' })
    legacies.follow({ ...phase, ready: [SLOT] }, 0)
    legacies.bequests.keep(SLOT, since, { bytes: new Uint8Array([1]), nowMs: 0 })
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

describe('where a worker of this node has started again with what it had left behind, and its generation is overruled', () => {
  const again: PlacedSlot = { ...SUCCESSOR, owner: here, legacy: { owner: here, since } }
  const rival: PlacedSlot = { ...again, owner: there, since: { number: 4, tag: 2 } }
  const winner: Phase = { ...PHASE, generation: rival.since, layout: [rival] }
  const ask = { kind: 'handoff-ask', slot: SLOT, generation: since.number } as const

  beforeEach(() => {
    legacies.bequests.keep(SLOT, since, { bytes: new Uint8Array([1]), nowMs: 0 })
    expect(legacies.of(again, 0)).toEqual({ kind: 'here', bytes: new Uint8Array([1]) })
    running = again.since
    legacies.follow({ ...PHASE, layout: [again], ready: [SLOT] }, 0)
    asks.length = 0
  })

  test('whoever asks for the older one is given what it has left behind since', () => {
    running = undefined
    legacies.bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), nowMs: 1 })
    legacies.follow(winner, 1)
    expect(legacies.bequests.outgrown(winner)).toEqual([])
    expect([...legacies.bequests.slotsLeft()]).toEqual([SLOT])
    legacies.bequests.onAsk(ask, there.id, 1)
    expect(given).toEqual([2])
    legacies.follow({ ...winner, ready: [SLOT] }, 1)
    expect(legacies.bequests.isFree).toBe(true)
    expect(lost).toEqual([])
  })

  test.each<[string, number, () => void]>([
    [
      'what it leaves behind',
      2,
      () => legacies.bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), nowMs: 1 }),
    ],
    ['the older one where it leaves nothing behind', 1, () => legacies.bequests.onEnded(SLOT)],
    ['the older one where it does not end', 1, () => legacies.bequests.onAsk(ask, there.id, HEIR_MS)],
  ])('it is to hand over, and whoever asks meanwhile is given %s', (_, bytes, happens) => {
    legacies.bequests.onAsk(ask, there.id, 0)
    legacies.follow(winner, 0)
    expect(legacies.bequests.outgrown(winner)).toEqual([SLOT])
    expect(given).toEqual([])
    happens()
    expect(given).toEqual([bytes])
  })

  test('the one that is placed here waits for it', () => {
    const next = { ...rival, owner: here }
    legacies.follow({ ...winner, layout: [next] }, 0)
    expect(legacies.of(next, 0)).toEqual({ kind: 'coming' })
    running = undefined
    legacies.bequests.keep(SLOT, again.since, { bytes: new Uint8Array([2]), nowMs: 1 })
    expect(legacies.of(next, 1)).toEqual({ kind: 'here', bytes: new Uint8Array([2]) })
  })

  test('one that goes on in the row is not to hand over', () => {
    expect(legacies.bequests.outgrown({ ...PHASE, layout: [again] })).toEqual([])
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
    legacies.bequests.keep(SLOT, since, { bytes: new Uint8Array([1]), nowMs: 0 })
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
