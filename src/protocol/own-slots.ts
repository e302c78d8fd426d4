// pure
/**
 * What a row of a group or chain says of slots that its generation has not, as a broken member may: it is left out, and
 * not refused with the row, so that it neither makes the row grow nor keeps anybody from hearing the rest.
 */

import type { SlotId } from '../ids.ts'
import { byCodeUnits } from '../text-order.ts'
import { type Phase, type PlacedSlot, compareExits, compareOrigins } from './phase.ts'

/**
 * The row with what it says of the slots of its generation only, of each once, sorted.
 * @param known an earlier row: of the same generation, that one says which slots it has
 * @returns `phase` itself where there is nothing to leave out
 */
export function ofItsSlots(phase: Phase, known: Phase | undefined): Phase {
  const isSame = known !== undefined && compareOrigins(phase, known) === 0
  const slots = slotsIn(isSame ? known.layout : phase.layout)
  const ready = own(phase.ready, slots)
  const stopped = own(phase.stopped, slots)
  const left = own(phase.left, slots)
  const exits = isOwn(phase.exits, slots, slotOf)
    ? phase.exits
    : phase.exits
        .filter(({ slot }) => slots.has(slot))
        // Of several of one slot, the one that counts.
        .toSorted((a, b) => byCodeUnits(a.slot, b.slot) || compareExits(a, b))
        .filter(({ slot }, index, all) => all[index - 1]?.slot !== slot)
  const pending = phase.pending.every(slot => slots.has(slot))
    ? phase.pending
    : phase.pending.filter(slot => slots.has(slot))
  const isWhole =
    ready === phase.ready &&
    stopped === phase.stopped &&
    left === phase.left &&
    exits === phase.exits &&
    pending === phase.pending
  return isWhole ? phase : { ...phase, pending, ready, exits, stopped, left }
}

/** The slots of layouts: all rows of a generation are held against one. */
const slotsOf = new WeakMap<readonly PlacedSlot[], ReadonlySet<SlotId>>()

function slotsIn(layout: readonly PlacedSlot[]): ReadonlySet<SlotId> {
  const known = slotsOf.get(layout)
  if (known !== undefined) return known
  const slots = new Set(layout.map(({ slot }) => slot))
  slotsOf.set(layout, slots)
  return slots
}

function own(list: readonly SlotId[], slots: ReadonlySet<SlotId>): readonly SlotId[] {
  if (isOwn(list, slots, slot => slot)) return list
  return [...new Set(list)].filter(slot => slots.has(slot)).toSorted(byCodeUnits)
}

/** Whether all are of these slots, each once, and sorted. */
function isOwn<T>(list: readonly T[], slots: ReadonlySet<SlotId>, slotFor: (item: T) => SlotId): boolean {
  let last: SlotId | undefined
  for (const item of list) {
    const slot = slotFor(item)
    if (!slots.has(slot) || (last !== undefined && byCodeUnits(last, slot) >= 0)) return false
    last = slot
  }
  return true
}

function slotOf({ slot }: { readonly slot: SlotId }): SlotId {
  return slot
}
