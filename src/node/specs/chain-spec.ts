// pure
/** A chain as users declare it. */

import * as v from 'valibot'

import {
  type ChainBody,
  type ChainStrategy,
  type Emission,
  type Isolation,
  type RestartIntensity,
  type RestartType,
  type StageBody,
} from '../../protocol/spec-row.ts'
import type { Sharing } from '../../protocol/placement-wish.ts'
import { check } from '../check.ts'
import { type Stage, isBehaviour } from '../workers/behaviours.ts'
import {
  type LimitOptions,
  START_TIMEOUT_MS,
  child,
  childOf,
  id,
  intensity,
  isUnique,
  oneOf,
  whole,
} from './child.ts'
import { type PlacementOption, placement, sharingOf, sharing } from './placement-option.ts'
import type { Declared } from './spec.ts'

export interface StageSpec<S = Stage<never, unknown>> {
  /** Unique in its chain. @default the name of the behaviour */
  readonly id?: string
  readonly run: S
  /** How many workers share the items of the stage: 1 to 256. @default 1 */
  readonly workers?: number
  /** Whether its workers come back after they have ended. @default 'permanent' */
  readonly restart?: RestartType
  /** How long a worker may take to stop before it is abandoned; 0: it is not asked. @default 5_000 */
  readonly stopTimeoutMs?: number
  /** Where the code of its workers runs: see `WorkerOptions`. @default 'inline' */
  readonly isolation?: Isolation
  readonly limits?: LimitOptions
  /** Where its workers may live, and beside whom. @default on any node that can run them */
  readonly placement?: PlacementOption
}

export interface ChainSpec<Stages extends readonly unknown[] = readonly StageSpec[]> {
  readonly id: string
  /** First stage first. */
  readonly stages: Stages
  /**
   * What the crash of a worker takes with it: all stages, nothing else (`one_for_one`), its stage and those behind it
   * (`rest_for_one`), its stage and those before it (`before_for_one`). Items are kept and sent again whatever it is.
   * @default 'one_for_all'
   */
  readonly strategy?: ChainStrategy
  /** When to give up restarting, for all stages together. @default 5 restarts in 30 s */
  /**
   * Shares all its workers out evenly over the nodes; `zones`: each stage over the zones too.
   * @default true, but false where `placement` says near or pack
   */
  readonly spread?: Sharing
  /** For all stages; what a stage says itself goes before it. @default on any node that can run it */
  readonly placement?: PlacementOption
  readonly intensity?: RestartIntensity
  /** How many items of one node may be on their way. @default 4_096 */
  readonly windowItems?: number
  /** So often workers may crash on one item before it is put aside as dead. @default 3 */
  readonly attemptsMax?: number
}

const WINDOW_ITEMS = 4_096
const ATTEMPTS_MAX = 3
const STAGE_WORKERS_MAX = 256

const stageBehaviour = v.custom<Stage<never, unknown>>(
  value => isBehaviour(value) && value.kind === 'stage',
  'a stage (defineStage)',
)

const stageSpec = v.strictObject(
  {
    id: v.optional(id),
    run: stageBehaviour,
    workers: v.optional(whole(1, STAGE_WORKERS_MAX), 1),
    restart: child.restart,
    stopTimeoutMs: child.stopTimeoutMs,
    isolation: child.isolation,
    limits: child.limits,
    placement,
  },
  'an object',
)

const chainSpec = v.strictObject(
  {
    id,
    strategy: v.optional(oneOf(['one_for_all']), 'one_for_all'),
    intensity,
    spread: sharing,
    placement,
    stages: v.pipe(
      v.array(stageSpec, 'a list of stages'),
      v.minLength(1, 'at least one stage'),
      v.check(stages => isUnique(stages.map(stageId)), 'stages with different ids'),
    ),
    windowItems: v.optional(whole(1, 65_536), WINDOW_ITEMS),
    attemptsMax: v.optional(whole(1, 1_000), ATTEMPTS_MAX),
  },
  'an object',
)

/** @throws {OptionsError} naming every bad field */
export function declareChain(spec: unknown): Declared<ChainBody> {
  const checked = check('the chain spec', chainSpec, spec)
  const stages = checked.stages.map(stageBody)
  const { strategy, intensity: limit, placement: wish, windowItems, attemptsMax } = checked
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
    },
  }
}

/** A stage that is added to a chain that runs. @throws {OptionsError} naming every bad field */
export function declareStage(spec: unknown): StageBody {
  return stageBody(check('the stage spec', stageSpec, spec))
}

/** Of a chain with these stages. */
export function emissionOf(stages: readonly Pick<StageBody, 'emission'>[]): Emission {
  return stages.some(({ emission }) => emission === 'many') ? 'many' : 'maybe'
}

function stageBody(checked: v.InferOutput<typeof stageSpec>): StageBody {
  const { workers, run } = checked
  return {
    id: stageId(checked),
    workers,
    child: childOf({ ...checked, args: [], startTimeoutMs: START_TIMEOUT_MS }),
    emission: run.emission,
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
