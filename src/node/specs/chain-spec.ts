// pure
/** A chain as users declare it. */

import * as v from 'valibot'

import {
  CHAIN_STRATEGIES,
  type ChainBody,
  type ChainStrategy,
  type Isolation,
  ITEM_ERROR_POLICIES,
  type ItemErrorPolicy,
  ROUTES,
  type RestartIntensity,
  type RestartType,
  type Route,
  STAGE_WORKERS_MAX,
  type StageBody,
  emissionOf,
} from '../../protocol/spec-row.ts'
import type { Sharing } from '../../protocol/placement-wish.ts'
import { OptionsError } from '../../errors.ts'
import { type Breach, check, doubles, fieldOf, fields, inspect, rule, oneOf, whole } from '../check.ts'
import { boundedList, listOf } from '../list-schema.ts'
import { addStageOptions, checkWait, problemsOfOptions } from '../wait-options.ts'
import { type Stage, behaviourId, isBehaviour } from '../workers/behaviours.ts'
import { type LimitOptions, NO_ARGS, START_TIMEOUT_MS, child, childOf, id, intensity } from './child.ts'
import { type PlacementOption, packedApart, placement, sharingOf, sharing } from './placement-option.ts'
import type { Declared } from './spec.ts'

export interface StageSpec<S = Stage<never, unknown>> {
  /** Unique in its chain. @default the name of the behaviour */
  readonly id?: string
  readonly run: S
  /** How many workers share the items of the stage: 1 to 256. @default 1 */
  readonly workers?: number
  /** Whether its workers come back after they have ended. @default 'permanent' */
  readonly restart?: RestartType
  /**
   * Which worker an item goes to.
   * - `least-debt`: whoever has the least to do,
   * - `round_robin`: each in its turn, even where another one has nothing to do,
   * - `random`: any that has room,
   * - `key`: equal keys to the same worker, for as long as the chain is laid out alike; the behaviour says what the
   *   key of an item is: `defineStage(name, handle, { key })`,
   * - `broadcast`: all of them. The outcome of an item is then a list: what the first worker made of it, and so on.
   * @default 'least-debt'
   */
  readonly route?: Route
  /**
   * What a throw at an item means.
   * - `crash`: the chain restarts and tries the item again, `attemptsMax` times,
   * - `retry`: the same worker tries again after a while, `attemptsMax` times; the items behind it wait,
   * - `deadLetter`: the item is dead at once.
   *
   * What has been tried often enough is dead: see `ChainRef.deadLetters`. With the last two, the worker lives on.
   * @default 'crash'
   */
  readonly onItemError?: ItemErrorPolicy
  /**
   * How many items may wait for a worker: 1 to 10 000. What is more waits a stage above, and in the end at the
   * sender. Shared by the workers of the stage above; each of them, and each sending node, has room for one at least.
   * @default 2_048, and never more than the worker gets through in a tenth of a second
   */
  readonly queueItems?: number
  /** How long a worker may take to stop before it is abandoned; 0: it is not asked. @default 5_000 */
  readonly stopTimeoutMs?: number
  /** Where the code of its workers runs: see `WorkerOptions`. @default 'inline' */
  readonly isolation?: Isolation
  readonly limits?: LimitOptions
  /** Where its workers may live, and beside whom. @default on any node that can run them */
  readonly placement?: PlacementOption
}

export interface ChainSpec<
  Stages extends readonly unknown[] = readonly StageSpec[],
  Finish = Stage<never, unknown>,
> {
  readonly id: string
  /** First stage first. */
  readonly stages: Stages
  /**
   * What the crash of a worker takes with it: all stages, nothing else (`one_for_one`), its stage and those behind it
   * (`rest_for_one`), its stage and those before it (`before_for_one`). Items are kept and sent again whatever it is.
   * @default 'one_for_all'
   */
  readonly strategy?: ChainStrategy
  /**
   * Shares all its workers out evenly over the nodes; `zones`: each stage over the zones too.
   * @default true, but false where `placement` says near or pack
   */
  readonly spread?: Sharing
  /** For all stages; what a stage says itself goes before it. @default on any node that can run it */
  readonly placement?: PlacementOption
  /** When to give up restarting, for all stages together. @default 5 restarts in 30 s */
  readonly intensity?: RestartIntensity
  /** How many items of one node may be on their way. @default 4_096 */
  readonly windowItems?: number
  /** So often an item is tried before it is put aside as dead: 1 to 1 000. @default 3 */
  readonly attemptsMax?: number
  /**
   * The end of the chain: a stage that is given whatever comes out of the last one, on the node where it came out,
   * and whose own result counts for nothing: in the thread of that node, also where the last stage has one of its own,
   * so what holds up a thread belongs into a stage. Runs at least once for everything that comes out, exactly once when
   * no worker of the chain crashed, moved or was changed meanwhile: `context.id` tells a repetition. A throw is reported as
   * `chain:callback-failed`.
   * @default none
   */
  readonly onFinish?: Finish
}

const WINDOW_ITEMS = 4_096
const ATTEMPTS_MAX = 3
const QUEUE_ITEMS = 2_048
const QUEUE_ITEMS_MAX = 10_000

const stageBehaviour = v.custom<Stage<never, unknown>>(isStage, 'a stage (defineStage)')

function isStage(value: unknown): value is Stage<never, unknown> {
  return isBehaviour(value) && value.kind === 'stage'
}

const stageSpec = v.pipe(
  fields({
    id: v.optional(id),
    run: stageBehaviour,
    workers: v.optional(whole(1, STAGE_WORKERS_MAX), 1),
    restart: child.restart,
    route: v.optional(oneOf(ROUTES), 'least-debt'),
    onItemError: v.optional(oneOf(ITEM_ERROR_POLICIES), 'crash'),
    queueItems: v.optional(whole(1, QUEUE_ITEMS_MAX), QUEUE_ITEMS),
    stopTimeoutMs: child.stopTimeoutMs,
    isolation: child.isolation,
    limits: child.limits,
    placement,
  }),
  rule(keyless),
)

/** Checks what `addChain` takes. */
export const chainSpec = v.pipe(
  fields({
    id,
    strategy: v.optional(oneOf(CHAIN_STRATEGIES), 'one_for_all'),
    intensity,
    spread: sharing,
    placement,
    stages: v.pipe(listOf(stageSpec, 'stages'), v.minLength(1, 'at least one stage')),
    windowItems: v.optional(whole(1, 65_536), WINDOW_ITEMS),
    attemptsMax: v.optional(whole(1, 1_000), ATTEMPTS_MAX),
    onFinish: v.optional(stageBehaviour),
  }),
  rule(spec => doubles('stages', boundedList(fieldOf(spec, 'stages')).map(idOrName))),
  rule(packedApart),
)

/** Whoever sends to a stage by key must be able to tell the key. */
function keyless(stage: unknown): Breach[] {
  const run = fieldOf(stage, 'run')
  const found = fieldOf(stage, 'route')
  if (found !== 'key' || !isStage(run) || run.key !== undefined) return []
  const wanted = 'another route, or a behaviour that says what the key is: defineStage(name, handle, { key })'
  return [{ path: ['route'], found, wanted }]
}

function idOrName(stage: unknown): unknown {
  return fieldOf(stage, 'id') ?? fieldOf(fieldOf(stage, 'run'), 'name')
}

/** @throws {OptionsError} naming every bad field */
export function declareChain(spec: unknown): Declared<ChainBody> {
  const checked = check('the chain spec', chainSpec, spec)
  const stages = checked.stages.map(stageBody)
  const { strategy, intensity: limit, placement: wish, windowItems, attemptsMax } = checked
  const onFinish = checked.onFinish === undefined ? undefined : behaviourId(checked.onFinish)
  const emission = emissionOf(stages)
  return {
    id: checked.id,
    body: {
      kind: 'chain',
      strategy,
      intensity: limit,
      revision: 0,
      spread: sharingOf(checked),
      placement: wish,
      stages,
      emission,
      windowItems,
      attemptsMax,
      onFinish,
    },
  }
}

/** A stage that is added to a chain of so many, and how. @throws {OptionsError} naming every bad field of both */
export function declareStage(spec: unknown, options: object, count: number): StageBody {
  const schema = addStageOptions(count)
  const checked = inspect(stageSpec, spec)
  if (checked.kind === 'bad')
    throw new OptionsError('the stage spec', [...checked.problems, ...problemsOfOptions(schema, options)])
  checkWait('the options for a stage', options, schema)
  return stageBody(checked.value)
}

function stageBody(checked: v.InferOutput<typeof stageSpec>): StageBody {
  const { workers, run, route, onItemError, queueItems } = checked
  return {
    id: stageId(checked),
    workers,
    child: childOf({ ...checked, args: NO_ARGS, startTimeoutMs: START_TIMEOUT_MS }),
    emission: run.emission,
    route,
    onItemError,
    queueItems,
    revision: 0,
    isStopped: false,
  }
}

function stageId(stage: {
  readonly id?: string | undefined
  readonly run: { readonly name: string }
}): string {
  return stage.id ?? stage.run.name
}
