// shell
/** Waiting for something, and not for ever. */

import type { Clock } from '../ports.ts'

/** Resolves when `done` does, and after so long at the latest. */
export async function atMost(clock: Clock, durationMs: number, done: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const cancel = clock.after(durationMs, late.resolve)
  await Promise.race([done, late.promise])
  cancel()
}
