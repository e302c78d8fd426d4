// pure
/**
 * Where the code of one worker runs. Everything else about a worker (mailbox, order, replies, credit, fencing) stays
 * in the thread of the node: `ServerWorker`, `TaskWorker` and `StageWorker` call the callbacks of their behaviour and
 * do not know whether these are the user's own functions or stand-ins whose work is done in a thread or process.
 *
 * So a worker may give a callback nothing but the state (which it never looks into: that of a stand-in is a token),
 * its context, and values that can be cloned; and it must be ready for every callback to return a promise.
 */

import type { FencedError } from '../../errors.ts'
import type { Isolation } from '../../protocol/spec-row.ts'
import type { Behaviour } from './behaviours.ts'

export interface Executor {
  readonly isolation: Isolation
  /** The behaviour whose callbacks the worker calls. */
  readonly behaviour: Behaviour
  /** Makes ready to run code: undefined when it is. Rejects with the reason why it never will be. */
  start(): Promise<void> | undefined
  /** The worker is to stop: its code hears of it by `context.signal`. */
  abort(): void
  /** Nothing that its code does counts any more, and why: it may put away what is its own, until it is over. */
  fence(why: FencedError): void
  /** The worker is over. Resolves when nothing of its code runs any more; undefined when there is no way to tell. */
  end(): Promise<void> | undefined
  /** It does not end, and is not waited for any longer: this process need not go on for it. */
  abandon(): void
}

/** Runs the code of a worker in the thread of the node: directly, and at no cost. */
export class InlineExecutor implements Executor {
  readonly isolation = 'inline'
  readonly behaviour: Behaviour

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour
  }

  start(): undefined {
    return undefined
  }

  abort(): void {}

  fence(): void {}

  end(): undefined {
    return undefined
  }

  abandon(): void {}
}
