// shell
/** Emptying a node: it stays a member, and others take what it has. */

import { DrainError } from '../errors.ts'
import type { NodeId, SlotId } from '../ids.ts'
import type { Kernel } from './kernel.ts'
import { heldBackOn } from './supervision/shared-fate.ts'
import type { WaitOptions, Waiting } from './waiting.ts'

/** A message names no more of what is left: `workers` of the error has all. */
const NAMED_MAX = 10

/** @returns the workers that stay, as no other node can run them @throws {DrainError} when it takes longer, or is taken back */
export function drain(kernel: Kernel, waiting: Waiting, options: WaitOptions): Promise<readonly SlotId[]> {
  kernel.receive({ kind: 'drain-asked', isDraining: true })
  let hasBegun = false
  const remaining = (): readonly SlotId[] | undefined => {
    const { status, isDraining = false } = kernel.core.self
    hasBegun ||= isDraining
    if (isDraining || status !== 'alive') return kernel.core.upkeep.remaining()
    // Asked for by a listener, it begins when that one is through.
    if (!hasBegun) return undefined
    throw new DrainError('resume() was called meanwhile: this node keeps what others have not taken yet')
  }
  return waiting.until(remaining, options, ms => lateError(kernel, ms))
}

function lateError({ core }: Kernel, ms: number): DrainError {
  const { ledger } = core
  const { membership, tables } = ledger
  const workers = core.upkeep.outstanding()
  const held = heldBackOn(ledger)
  const heirs = new Set(workers.flatMap(slot => (held.workers.has(slot) ? [] : (ledger.ownerOf(slot) ?? []))))
  const unreachable = [...heirs].filter(id => id !== core.self.id && !membership.isConnected(id))
  const unplaced = workers.some(slot => held.workers.has(slot)) ? held.unplaced : []
  const nameOf = (id: NodeId): string => {
    const name = tables.members.get(id)?.name ?? id
    return name === id ? id : `${name} (${id})`
  }
  const left = workers.length === 0 ? '' : `, which still has ${listed(workers)}`
  const reasons = [
    unplaced.length === 0
      ? ''
      : `some of them share their fate with ${listed(unplaced)}, which no other node takes`,
    unreachable.length === 0
      ? ''
      : `it has no session with ${unreachable.map(nameOf).join(', ')}, which some of them are to go to`,
  ].filter(reason => reason !== '')
  const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`
  const message = `others have not taken all workers of this node in ${ms} ms${left}${why}`
  return new DrainError(message, { workers, unreachable, unplaced })
}

/** For people: the first few. */
function listed(slots: readonly SlotId[]): string {
  const named = slots.slice(0, NAMED_MAX).map(slot => `"${slot}"`)
  if (slots.length > NAMED_MAX) named.push(`${slots.length - NAMED_MAX} more`)
  return named.join(', ')
}
