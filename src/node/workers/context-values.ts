// pure
/** Checks what code gives to its context: what is taken for something else, its author would look for in vain. */

import { OptionsError } from '../../errors.ts'
import { show } from '../show.ts'
import { isError } from '../thrown-value.ts'
import type { StopReason } from './context.ts'

/** @throws {OptionsError} when it is no reason for the end of a worker */
export function checkReason(reason: unknown): StopReason {
  if (reason === 'normal' || reason === 'shutdown' || isError(reason)) return reason
  throw refusal(
    'context.stop',
    'reason',
    reason,
    `"normal", "shutdown" or an Error (a crash): leave it out for "normal"`,
  )
}

/** @throws {OptionsError} when it is no time that `what` can wait */
export function checkDelay(what: string, delayMs: unknown): number {
  if (typeof delayMs === 'number' && delayMs >= 0) return delayMs
  throw refusal(
    what,
    'delayMs',
    delayMs,
    'milliseconds: a number from 0 to Infinity; for a time that may be past, Math.max(0, …)',
  )
}

function refusal(what: string, path: string, found: unknown, wanted: string): OptionsError {
  return new OptionsError(what, [{ path, found: show(found), wanted }])
}
