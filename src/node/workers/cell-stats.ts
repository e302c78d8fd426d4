// pure
/** What a node tells of its threads and processes. */

import type { SlotId } from '../../ids.ts'
import type { Isolation } from '../../protocol/spec-row.ts'

/** A thread or process, and the worker whose code runs in it. */
export interface CellStats {
  readonly slot: SlotId
  readonly generation: number
  readonly isolation: Exclude<Isolation, 'inline'>
  /** False: it has been told to end, and is not gone yet. */
  readonly isAlive: boolean
  /** It could not be ended in time and is not waited for: it may still run, and leaves the list when it is gone. */
  readonly isAbandoned: boolean
  /** How many calls, casts and messages, or items, wait for it: without what it is at. */
  readonly waiting: number
}
