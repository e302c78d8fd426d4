// shell
/** Whether what was asked for runs. */

import { StartError } from '../errors.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import { type SpecStatus, describeStatus, isDown } from './supervision/spec-status.ts'

/** @throws {StartError} when it will not, as it was stopped since, or has failed */
export function isStarted({ id, body, desired }: SpecRow, status: SpecStatus | undefined): boolean {
  const what = `the ${body?.kind} "${id}"`
  if (desired === 'stopped')
    throw new StartError(`${what} does not start: it was stopped after this was asked for`)
  if (status?.kind === 'running' || status?.kind === 'done') return true
  if (!isDown(status)) return false
  const cause = status.kind === 'stopped' ? undefined : status.failure
  throw new StartError(`${what} cannot start: ${describeStatus(status)}`, { cause })
}
