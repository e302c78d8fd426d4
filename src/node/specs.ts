// pure
/** What users declare: workers, groups and chains, checked and turned into specs that every node can hold. */

import * as v from 'valibot'

import { ID_LENGTH_MAX, isPlainId } from '../ids.ts'
import { encodePayload } from '../payload.ts'
import {
  type ChainBody,
  type ChildSpec,
  type Emission,
  GROUP_STRATEGIES,
  type GroupBody,
  type GroupStrategy,
  RESTART_TYPES,
  type RestartIntensity,
  type RestartType,
  type WorkerBody,
} from '../protocol/spec-row.ts'
import { check } from './check.ts'
import { INTENSITY_DEFAULT } from './supervision/restart-policy.ts'
import {
  type Behaviour,
  type Server,
  type Stage,
  type Task,
  behaviourId,
  isBehaviour,
} from './workers/behaviours.ts'

/** What can run outside of a chain. */
export type Process = Server<readonly unknown[], object, object> | Task<readonly unknown[], never>

/** The arguments that a worker with behaviour `B` is started with. */
export type ArgsOf<B> =
  B extends Server<infer Args, object, object>
    ? Args
    : B extends Task<infer Args, never>
      ? Args
      : readonly unknown[]

/** `args` may be left out where there are none. */
type WithArgs<B> =
  ArgsOf<B> extends readonly []
    ? { readonly args?: readonly never[] }
    : { readonly args: Readonly<ArgsOf<B>> }

interface WorkerOptions {
  /** @default 'permanent' */
  readonly restart?: RestartType
  /** How long it may take to start. @default 30_000 */
  readonly startTimeoutMs?: number
  /** How long it may take to stop before it is abandoned. @default 5_000 */
  readonly stopTimeoutMs?: number
}

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

/** A member of a group. */
export interface MemberSpec extends WorkerOptions {
  /** Unique in its group. */
  readonly id: string
  readonly run: Process
  /** What it is started with. @default none */
  readonly args?: readonly unknown[]
}

/** The members, each with the arguments that its behaviour wants. */
export type Fitted<Members extends readonly MemberSpec[]> = {
  readonly [K in keyof Members]: Members[K] extends { readonly run: infer B extends Process }
    ? MemberSpec & { readonly run: B } & WithArgs<B>
    : never
}

export interface GroupSpec<Members extends readonly unknown[] = readonly MemberSpec[]> {
  readonly id: string
  /** `one_for_all`: one crashes, all stop, all start again. @default 'one_for_all' */
  readonly strategy?: GroupStrategy
  readonly intensity?: RestartIntensity
  /** Shares the members out evenly over the nodes. @default true */
  readonly spread?: boolean
  /** In the order in which they start on a node. */
  readonly members: Members
}

export interface StageSpec<S = Stage<never, unknown>> {
  /** Unique in its chain. @default the name of the behaviour */
  readonly id?: string
  readonly run: S
  /** How many workers share the items of the stage: 1 to 256. @default 1 */
  readonly workers?: number
  readonly stopTimeoutMs?: number
}

export interface ChainSpec<Stages extends readonly unknown[] = readonly StageSpec[]> {
  readonly id: string
  /** First stage first. */
  readonly stages: Stages
  readonly strategy?: GroupStrategy
  readonly intensity?: RestartIntensity
  /** How many items of one node may be on their way. @default 4_096 */
  readonly windowItems?: number
  /** So often workers may crash on one item before it is put aside as dead. @default 3 */
  readonly attemptsMax?: number
}

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 5_000
const WINDOW_ITEMS = 4_096
const ATTEMPTS_MAX = 3
const STAGE_WORKERS_MAX = 256
const WAIT_MS_MAX = 24 * 60 * 60 * 1000

const id = v.custom<string>(
  isPlainId,
  `1 to ${ID_LENGTH_MAX} printable characters, without "/" and without spaces around them`,
)
const behaviour = v.custom<Behaviour>(isBehaviour, 'a behaviour (defineStage, defineServer or defineTask)')
const stageBehaviour = v.custom<Stage<never, unknown>>(
  value => isBehaviour(value) && value.kind === 'stage',
  'a stage (defineStage)',
)
const memberBehaviour = v.pipe(
  behaviour,
  v.check(({ kind }) => kind !== 'stage', 'a server or task: a stage needs a chain around it'),
)
const whole = (min: number, max: number): v.GenericSchema<unknown, number> => {
  const wanted = `a whole number from ${min} to ${max}`
  return v.pipe(v.number(wanted), v.integer(wanted), v.minValue(min, wanted), v.maxValue(max, wanted))
}
const oneOf = <const T extends string>(words: readonly T[]): v.GenericSchema<unknown, T> =>
  v.picklist(words, `one of ${words.join(', ')}`)

const intensity = v.optional(
  v.strictObject({ restarts: whole(0, 1_000), withinMs: whole(1, WAIT_MS_MAX) }, 'an object'),
  INTENSITY_DEFAULT,
)
const strategy = v.optional(oneOf(GROUP_STRATEGIES), 'one_for_all')
const child = {
  args: v.optional(v.array(v.unknown(), 'a list of arguments'), []),
  restart: v.optional(oneOf(RESTART_TYPES), 'permanent'),
  startTimeoutMs: v.optional(whole(1, WAIT_MS_MAX), START_TIMEOUT_MS),
  stopTimeoutMs: v.optional(whole(1, WAIT_MS_MAX), STOP_TIMEOUT_MS),
}

const workerSpec = v.strictObject(
  { id: v.optional(id), run: memberBehaviour, ...child, intensity },
  'an object',
)

const memberSpec = v.strictObject({ id, run: memberBehaviour, ...child }, 'an object')

const groupSpec = v.strictObject(
  {
    id,
    strategy,
    intensity,
    spread: v.optional(v.boolean('true or false'), true),
    members: v.pipe(
      v.array(memberSpec, 'a list of members'),
      v.minLength(1, 'at least one member'),
      v.check(members => isUnique(members.map(member => member.id)), 'members with different ids'),
    ),
  },
  'an object',
)

const stageSpec = v.strictObject(
  {
    id: v.optional(id),
    run: stageBehaviour,
    workers: v.optional(whole(1, STAGE_WORKERS_MAX), 1),
    stopTimeoutMs: child.stopTimeoutMs,
  },
  'an object',
)

const chainSpec = v.strictObject(
  {
    id,
    strategy,
    intensity,
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

/** A spec that has been checked. `id` is undefined where the user has left it to us. */
export interface Declared<Body> {
  readonly id: string | undefined
  readonly body: Body
}

/** @throws {OptionsError} naming every bad field; {PayloadError} when the arguments cannot be sent */
export function declareWorker(spec: unknown): Declared<WorkerBody> {
  const checked = check('the worker spec', workerSpec, spec)
  const body: WorkerBody = { kind: 'worker', child: childOf(checked), intensity: checked.intensity }
  return { id: checked.id, body }
}

/** @throws {OptionsError} naming every bad field; {PayloadError} when the arguments cannot be sent */
export function declareGroup(spec: unknown): Declared<GroupBody> {
  const checked = check('the group spec', groupSpec, spec)
  const members = checked.members.map(member => ({ id: member.id, child: childOf(member) }))
  return { id: checked.id, body: { ...pick(checked), kind: 'group', spread: checked.spread, members } }
}

/** @throws {OptionsError} naming every bad field */
export function declareChain(spec: unknown): Declared<ChainBody> {
  const checked = check('the chain spec', chainSpec, spec)
  const stages = checked.stages.map(stage => ({
    id: stageId(stage),
    workers: stage.workers,
    child: childOf({ ...stage, args: [], restart: 'permanent', startTimeoutMs: START_TIMEOUT_MS }),
  }))
  const emission: Emission = checked.stages.some(({ run }) => run.emission === 'many') ? 'many' : 'maybe'
  const { windowItems, attemptsMax } = checked
  return {
    id: checked.id,
    body: { ...pick(checked), kind: 'chain', stages, emission, windowItems, attemptsMax },
  }
}

/** The behaviours that a spec needs, each once. */
export function behavioursOf(body: WorkerBody | GroupBody | ChainBody): string[] {
  const children = body.kind === 'worker' ? [body] : body.kind === 'group' ? body.members : body.stages
  return [...new Set(children.map(part => part.child.behaviour))]
}

function pick(checked: { readonly strategy: GroupStrategy; readonly intensity: RestartIntensity }) {
  return { strategy: checked.strategy, intensity: checked.intensity }
}

function childOf(checked: {
  readonly run: Behaviour
  readonly args: readonly unknown[]
  readonly restart: RestartType
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
}): ChildSpec {
  const { run, args, restart, startTimeoutMs, stopTimeoutMs } = checked
  return { behaviour: behaviourId(run), args: encodePayload(args), restart, startTimeoutMs, stopTimeoutMs }
}

function stageId(stage: {
  readonly id?: string | undefined
  readonly run: { readonly name: string }
}): string {
  return stage.id ?? stage.run.name
}

function isUnique(ids: readonly string[]): boolean {
  return new Set(ids).size === ids.length
}
