// pure
/** A standalone worker as users declare it. */

import * as v from 'valibot'

import {
  REBALANCES,
  type Rebalance,
  type RestartIntensity,
  type WorkerBody,
} from '../../protocol/spec-row.ts'
import { check } from '../check.ts'
import {
  type Process,
  type WithArgs,
  type WorkerOptions,
  child,
  childOf,
  id,
  intensity,
  oneOf,
  processBehaviour,
} from './child.ts'
import type { Declared } from './spec.ts'

/** A standalone worker. */
export type WorkerSpec<B extends Process> = WorkerOptions &
  WithArgs<B> & {
    /** Unique in the mesh. @default 32 random hexadecimal digits */
    readonly id?: string
    /** What it does. */
    readonly run: B
    /** When to give up restarting. @default 5 restarts in 30 s */
    readonly intensity?: RestartIntensity
    /**
     * Whether it moves when a node joins that placement wants it on. It moves with what its `handoff` gives, and with
     * nothing where it has none. A node that leaves hands over all of its workers.
     * @default 'active' where its behaviour has a `handoff`, else 'passive': it would lose its state
     */
    readonly rebalance?: Rebalance
  }

const workerSpec = v.strictObject(
  {
    id: v.optional(id),
    run: processBehaviour,
    ...child,
    intensity,
    rebalance: v.optional(oneOf(REBALANCES)),
  },
  'an object',
)

/** @throws {OptionsError} naming every bad field; {PayloadError} when the arguments cannot be sent */
export function declareWorker(spec: unknown): Declared<WorkerBody> {
  const checked = check('the worker spec', workerSpec, spec)
  const { run, intensity: limit } = checked
  const canHandOver = run.kind === 'server' && run.handoff !== undefined
  const rebalance = checked.rebalance ?? (canHandOver ? 'active' : 'passive')
  return { id: checked.id, body: { kind: 'worker', child: childOf(checked), intensity: limit, rebalance } }
}
