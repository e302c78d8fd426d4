// shell
/** Emptying a node: it stays a member, and others take what it has. */

import { DrainError } from '../errors.ts'
import type { SlotId } from '../ids.ts'
import type { Kernel } from './kernel.ts'
import type { WaitOptions, Waiting } from './waiting.ts'

/** @returns the workers that stay, as no other node can run them @throws {DrainError} when it takes longer, or is taken back */
export function drain(kernel: Kernel, waiting: Waiting, options: WaitOptions): Promise<readonly SlotId[]> {
  kernel.receive({ kind: 'drain-asked', isDraining: true })
  let hasBegun = false
  const remaining = (): readonly SlotId[] | undefined => {
    const { status, isDraining = false } = kernel.core.self
    hasBegun ||= isDraining
    if (isDraining || status !== 'alive') return kernel.core.remaining()
    // Asked for by a listener, it begins when that one is through.
    if (!hasBegun) return undefined
    throw new DrainError('resume() was called meanwhile: this node keeps what others have not taken yet')
  }
  const late = (ms: number): Error => new DrainError(`others have not taken all workers in ${ms} ms`)
  return waiting.until(remaining, options, late)
}
