// pure
/** A standalone worker as users declare it. */

import * as v from 'valibot'

import type { RestartIntensity, WorkerBody } from '../../protocol/spec-row.ts'
import { check } from '../check.ts'
import {
  type Process,
  type WithArgs,
  type WorkerOptions,
  child,
  childOf,
  id,
  intensity,
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
  }

const workerSpec = v.strictObject(
  { id: v.optional(id), run: processBehaviour, ...child, intensity },
  'an object',
)

/** @throws {OptionsError} naming every bad field; {PayloadError} when the arguments cannot be sent */
export function declareWorker(spec: unknown): Declared<WorkerBody> {
  const checked = check('the worker spec', workerSpec, spec)
  const body: WorkerBody = { kind: 'worker', child: childOf(checked), intensity: checked.intensity }
  return { id: checked.id, body }
}
