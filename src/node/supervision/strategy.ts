// pure
/** Which workers a crash takes with it, as in OTP. */

import { unreachable } from '../../assert.ts'
import type { ChainStrategy } from '../../protocol/spec-row.ts'

/** Something that crashed, at its position among the members or stages, 0 for the first. */
interface Placed {
  readonly position: number
}

/** Crashes that are made good by one restart. */
export interface Wave<Crash extends Placed> {
  /** At least one. */
  readonly crashes: readonly Crash[]
  /** Whether a worker at this position that has not crashed itself is stopped and started again too. Undefined: none. */
  readonly takes: ((position: number) => boolean) | undefined
}

/**
 * The restarts that follow from these crashes. Where one takes all others with it, there is one: as in OTP, a sibling
 * that crashes while it is to be stopped anyway counts for nothing.
 */
export function wavesOf<Crash extends Placed>(
  strategy: ChainStrategy,
  crashes: readonly Crash[],
): Wave<Crash>[] {
  if (crashes.length === 0) return []
  const positions = crashes.map(({ position }) => position)
  switch (strategy) {
    case 'one_for_one':
      return crashes.map(crash => ({ crashes: [crash], takes: undefined }))
    case 'one_for_all':
      return [{ crashes, takes: () => true }]
    case 'rest_for_one': {
      const first = Math.min(...positions)
      return [{ crashes, takes: position => position >= first }]
    }
    case 'before_for_one': {
      const last = Math.max(...positions)
      return [{ crashes, takes: position => position <= last }]
    }
    default:
      return unreachable(strategy)
  }
}
