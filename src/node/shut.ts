// shell
/** A part of a node is closed: what cannot be must not keep the rest open, a data folder locked, or anybody waiting. */

import type { Cancel, Clock, Logger } from '../ports.ts'
import { atMost } from './at-most.ts'

/** Connections that are to be closed in good order have time-outs of their own, which are shorter. */
const SHUT_MS = 10_000

export async function shut(
  part: { readonly stop: () => Promise<void> },
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<void> {
  let problem: unknown = `it has not come to an end in ${SHUT_MS} ms`
  const stop = async (): Promise<unknown> => part.stop()
  const stopping = stop().then(
    () => (problem = undefined),
    (error: unknown) => (problem = error),
  )
  await atMost(clock, SHUT_MS, stopping)
  if (problem !== undefined) logger.error({ error: problem }, 'a part of this node could not be closed')
}

/**
 * Listens no more to errors that nobody has caught: in a later turn, as only then Node tells of promises that nobody awaits,
 * and that the end of the node has rejected. `forget` is undefined where nobody listens, as in a simulation.
 */
export async function forgetLater(forget: Cancel | undefined, clock: Clock): Promise<void> {
  if (forget === undefined) return
  await new Promise<void>(resolve => clock.after(0, resolve))
  forget()
}
