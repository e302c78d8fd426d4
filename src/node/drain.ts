// shell
/** Emptying a node: it stays a member, and others take what it has. */

import { DrainError } from '../errors.ts'
import type { NodeId, SlotId } from '../ids.ts'
import type { Kernel } from './kernel.ts'
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
  const { membership, tables } = core.ledger
  const workers = core.upkeep.outstanding()
  const heirs = new Set(workers.flatMap(slot => core.ledger.ownerOf(slot) ?? []))
  const unreachable = [...heirs].filter(id => id !== core.self.id && !membership.isConnected(id))
  const named = workers.slice(0, NAMED_MAX).map(slot => `"${slot}"`)
  if (workers.length > NAMED_MAX) named.push(`${workers.length - NAMED_MAX} more`)
  const nameOf = (id: NodeId): string => {
    const name = tables.members.get(id)?.name ?? id
    return name === id ? id : `${name} (${id})`
  }
  const left = named.length === 0 ? '' : `, which still has ${named.join(', ')}`
  const apart = `: it has no session with ${unreachable.map(nameOf).join(', ')}, which some of them are to go to`
  const message = `others have not taken all workers of this node in ${ms} ms${left}`
  return new DrainError(`${message}${unreachable.length === 0 ? '' : apart}`, { workers, unreachable })
}
