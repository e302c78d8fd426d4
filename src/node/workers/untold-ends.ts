// shell
/**
 * Ends of workers that were not told so far: what their code ran in is not gone yet, or the step in which they were told to
 * stop is not over.
 */

import type { SlotId } from '../../ids.ts'
import type { Exit } from '../supervision/exit.ts'
import type { Incarnation } from '../supervision/supervisor.ts'
import type { InlineWorker } from './worker.ts'

export interface UntoldEnd {
  readonly worker: InlineWorker
  readonly exit: Exit
  /** How many casts and messages it leaves unread, without what goes to its successor. */
  readonly unread: number
}

export class UntoldEnds {
  readonly #ends = new Map<Incarnation, UntoldEnd>()

  add(end: UntoldEnd): void {
    this.#ends.set(end.worker.incarnation, end)
  }

  take(incarnation: Incarnation): UntoldEnd | undefined {
    const end = this.#ends.get(incarnation)
    this.#ends.delete(incarnation)
    return end
  }

  /**
   * Takes those whose thread or process is not gone yet, as they are to be told where nobody is left who waits for that, nor
   * anybody who takes what they have left for a successor: that is lost as well.
   */
  takeGoing(): { readonly slot: SlotId; readonly exit: Exit; readonly lost: number }[] {
    const going = [...this.#ends.values()].filter(({ worker }) => worker.isolation !== 'inline')
    return going.map(({ worker, exit }) => {
      this.#ends.delete(worker.incarnation)
      return {
        slot: worker.worker,
        exit: worker.isStopping ? { kind: 'stopped' } : exit,
        lost: worker.unread,
      }
    })
  }
}
