// pure
/**
 * What is to stop of a group or chain, and how long its holders have for that. A holder stops one after the other, whatever
 * they stop for, and says so when all have: so it is waited for with all of its own at once, and anew when there are others.
 */

import { type Phase, type PlacedSlot, STOP_MS, generationText } from '../../protocol/phase.ts'
import type { FateBody } from '../../protocol/spec-row.ts'
import type { Wakefulness } from '../../protocol/wakefulness.ts'
import type { Outlook } from './outlook.ts'
import { partsOfSpec } from './units.ts'
import type { Waits } from './waits.ts'

/** How much longer than its workers may take to stop, and it may stand still, the coordinator waits for word of a holder. */
const STOP_GRACE_MS = 1000

interface StopsContext {
  readonly phase: Phase
  readonly body: FateBody
  /** For how long a holder may stand still. */
  readonly silentMs: number
}

/** The slots that are to become empty. */
export function goingOf({ renewals, outdated, unwanted }: Outlook): PlacedSlot[] {
  return [...renewals.flatMap(({ stopping }) => stopping), ...outdated, ...unwanted]
}

/** Those of `left`, the slots that are to become empty and are not, whose holders have had their time. */
export function overdueIn(
  left: readonly PlacedSlot[],
  context: StopsContext & {
    readonly waits: Waits
    readonly wakefulness: Pick<Wakefulness, 'listenUntilMs' | 'reunitedFromMs'>
  },
): ReadonlySet<PlacedSlot> {
  const { waits } = context
  const { listenUntilMs, reunitedFromMs } = context.wakefulness
  const holders = Map.groupBy(left, ({ owner }) => `${owner.id} ${owner.boot}`)
  const overdue = [...holders].flatMap(([holder, slots]) => {
    const names = slots.map(({ slot, since }) => `${slot}@${generationText(since)}`).toSorted()
    const name = `${holder} ${names.join(' ')}`
    // Whoever has stood still as its word came reads that first: once, as it may stand still again and again.
    const isOver =
      waits.isOver(`stop ${name}`, () => stopMsOf(slots, context)) &&
      waits.isOver(`hear ${name}`, nowMs => Math.max(listenUntilMs, reunitedFromMs) - nowMs)
    return isOver ? slots : []
  })
  return new Set(overdue)
}

/** How long a holder may take to stop these: one after the other, and then to say so. */
function stopMsOf(slots: readonly PlacedSlot[], { phase, body, silentMs }: StopsContext): number {
  const parts = partsOfSpec(phase.spec, body).bySlot
  return slots.reduce((sumMs, { slot, stopMs }) => {
    // The spec may have a part by now that stops sooner, or none; an earlier version of this package does not say it.
    const mostMs = stopMs ?? Math.max(STOP_MS, parts.get(slot)?.child.stopTimeoutMs ?? 0)
    return sumMs + mostMs
  }, STOP_GRACE_MS + silentMs)
}
