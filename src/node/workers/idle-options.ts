// pure
/** What a server does when nothing comes: as users declare it. */

import * as v from 'valibot'

import { fields, whole } from '../check.ts'
import type { ServerContext } from './context.ts'

/** What a server does when nothing comes. Servers without it pay nothing for it. */
export interface IdleOptions<State> {
  /** No call, cast or message has come for so long, in milliseconds: a whole number from 1 to a day. */
  readonly timeoutMs: number
  /**
   * Runs then, and again each time that as much time passes without anything: `context.stop('normal')` ends the worker.
   * It runs as for a message: a throw is a crash, and what comes meanwhile waits.
   */
  readonly handle: (state: State, context: ServerContext) => unknown
}

/** The same, whatever the state. */
export interface Idle {
  readonly timeoutMs: number
  readonly handle: (...args: readonly unknown[]) => unknown
}

const TIMEOUT_MS_MAX = 24 * 60 * 60 * 1000

/** Checks the `idle` of a server. */
export const idleOptions = fields({
  timeoutMs: whole(1, TIMEOUT_MS_MAX),
  handle: v.custom<Idle['handle']>(given => typeof given === 'function', 'a function'),
})
