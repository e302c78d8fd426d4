// pure
/** A standalone worker as users declare it. */

import * as v from 'valibot'

import {
  REBALANCES,
  type Rebalance,
  type RestartIntensity,
  type RestartType,
  type WorkerBody,
} from '../../protocol/spec-row.ts'
import { check, fields, rule, oneOf } from '../check.ts'
import { type Behaviour, type Server, type Task, isBehaviour } from '../workers/behaviours.ts'
import {
  type Process,
  type WithArgs,
  type WorkerOptions,
  child,
  childOf,
  id,
  intensity,
  processBehaviour,
  unfitArgs,
} from './child.ts'
import type { Declared } from './spec.ts'

/** What a task may be given to read: what it takes as messages. */
export type WithInput<B> =
  B extends Server<readonly unknown[], object, object>
    ? { readonly input?: never }
    : B extends Task<readonly unknown[], infer Message>
      ? { readonly input?: undefined } | Reading<Message>
      : unknown

/** What is said of a task that reads. */
interface Reading<Message> {
  /**
   * For a task: what arrives in its `context.messages`, in order, with those of others; after the last item they end.
   * This node reads it as fast as the task does, and stops (`return`) when the worker has been removed or is done, or
   * the node stops.
   */
  readonly input?: AsyncIterable<Message> | undefined
  /** A permanent task would start again for ever when its input has ended. @default 'transient' */
  readonly restart?: Exclude<RestartType, 'permanent'> | undefined
}

/** A standalone worker. */
export type WorkerSpec<B extends Process> = WorkerOptions &
  WithArgs<B> &
  WithInput<B> & {
    /** Unique in the mesh. @default 32 random hexadecimal digits */
    readonly id?: string
    /** What it does. */
    readonly run: B
    /** When to give up restarting. @default 5 restarts in 30 s */
    readonly intensity?: RestartIntensity
    /**
     * Whether it moves when a node joins that placement wants it on. It moves with what its `handoff` gives, and with
     * nothing where it has none, or is not asked (`stopTimeoutMs: 0`). A node that leaves hands over all of its workers.
     * @default 'active' where its behaviour has a `handoff` and is asked for it, else 'passive': it would lose its state
     */
    readonly rebalance?: Rebalance
  }

const entries = {
  id: v.optional(id),
  run: processBehaviour,
  ...child,
  intensity,
  rebalance: v.optional(oneOf(REBALANCES)),
}

/** Checks what `addWorker` takes, without an input. */
export const workerSpec = v.pipe(
  fields({ ...entries, input: v.optional(v.undefined('nothing')) }),
  rule(unfitArgs),
)

const READERS_RESTART =
  'transient or temporary beside an input: a permanent task starts again for ever when that has ended'

/** With an input. */
const readerSpec = v.pipe(
  fields({
    ...entries,
    run: v.custom<Behaviour>(
      value => isBehaviour(value) && value.kind === 'task',
      'a task: nothing else reads an input',
    ),
    restart: v.optional(v.picklist(['transient', 'temporary'], READERS_RESTART), 'transient'),
    input: v.custom<AsyncIterable<unknown>>(isAsyncIterable, 'an AsyncIterable'),
  }),
  rule(unfitArgs),
)

/** @throws {OptionsError} naming every bad field */
export function declareWorker(spec: unknown): Declared<WorkerBody> {
  const what = 'the worker spec'
  const checked = hasInput(spec) ? check(what, readerSpec, spec) : check(what, workerSpec, spec)
  const { run, intensity: limit, input } = checked
  // Who is not asked to stop is not asked for its state either.
  const canHandOver = run.kind === 'server' && run.handoff !== undefined && checked.stopTimeoutMs > 0
  const rebalance = checked.rebalance ?? (canHandOver ? 'active' : 'passive')
  const body = { kind: 'worker', child: childOf(checked), intensity: limit, rebalance } as const
  return { id: checked.id, body, input }
}

function hasInput(spec: unknown): boolean {
  try {
    return typeof spec === 'object' && spec !== null && 'input' in spec && spec.input !== undefined
  } catch {
    // What throws when one looks at it, the check names.
    return false
  }
}

function isAsyncIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
