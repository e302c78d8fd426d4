// pure
/** A node and what shall run on its mesh, as one value: in a file, or put together by a program. */

import * as v from 'valibot'

import { OptionsError, type Problem } from '../errors.ts'
import { type SpecId, isSpecId } from '../ids.ts'
import type { SpecBody } from '../protocol/spec-row.ts'
import { fieldOf, fields, inspect, onePerField } from './check.ts'
import { boundedList, listOf } from './list-schema.ts'
import { type NodeInit, isRelative, nodeFields } from './options.ts'
import { show } from './show.ts'
import type { FinalOf, Linked } from './chain/linked.ts'
import { type ChainSpec, type StageSpec, declareChain } from './specs/chain-spec.ts'
import type { Process, WithArgs } from './specs/child.ts'
import { type Fitted, type GroupSpec, type MemberSpec, declareGroup } from './specs/group-spec.ts'
import type { Declared } from './specs/spec.ts'
import type { NoOthers } from './specs/known.ts'
import { type WorkerSpec, declareWorker } from './specs/worker-spec.ts'
import { findUnreadable } from './unreadable.ts'
import type { Stage } from './workers/behaviours.ts'

/** A standalone worker of a config: with an id, as every node of the mesh may start with the same config. */
export type ConfiguredWorker = Omit<WorkerSpec<Process>, 'args' | 'id' | 'input'> & {
  readonly id: string
  /** What it is started with. @default none */
  readonly args?: readonly unknown[]
}

/** What `createNode` takes, and what is to run. All ids are different. */
export interface Config<
  Workers extends readonly unknown[] = readonly ConfiguredWorker[],
  Groups extends readonly unknown[] = readonly GroupSpec[],
  Chains extends readonly unknown[] = readonly ChainSpec[],
> extends NodeInit {
  /** @default [] */
  readonly workers?: Workers
  /** @default [] */
  readonly groups?: Groups
  /** @default [] */
  readonly chains?: Chains
}

/** The workers, each with the arguments that its behaviour wants. */
export type FittedWorkers<Workers extends readonly unknown[]> = {
  readonly [K in keyof Workers]: Workers[K] extends { readonly run: infer B extends Process }
    ? ConfiguredWorker & { readonly run: B } & WithArgs<B> & NoOthers<Workers[K], ConfiguredWorker>
    : ConfiguredWorker
}

/** The groups, each member with the arguments that its behaviour wants. */
export type FittedGroups<Groups extends readonly unknown[]> = {
  readonly [K in keyof Groups]: Groups[K] extends { readonly members: infer M extends readonly MemberSpec[] }
    ? GroupSpec<M & Fitted<M>> & NoOthers<Groups[K], GroupSpec>
    : GroupSpec
}

/** The chains, each stage with what the one before emits. */
export type FittedChains<Chains extends readonly unknown[]> = {
  readonly [K in keyof Chains]: Chains[K] extends { readonly stages: infer S extends readonly StageSpec[] }
    ? ChainSpec<S & Linked<S>, FinishOf<S>> & NoOthers<Chains[K], ChainSpec>
    : ChainSpec
}

/** Any, where nothing is known of the stages. */
type FinishOf<Stages extends readonly unknown[]> =
  unknown extends FinalOf<Stages> ? Stage<never, unknown> : Stage<FinalOf<Stages>, unknown>

/** A spec of a config that has been checked. */
export interface ConfiguredSpec {
  /** Where it stands: `groups[0]`. */
  readonly path: string
  readonly id: SpecId
  readonly body: SpecBody
}

export interface CheckedConfig {
  readonly node: NodeInit
  /** Workers, then groups, then chains, each in the order of the config. */
  readonly specs: readonly ConfiguredSpec[]
}

/**
 * Gives a config its types: `export default defineConfig({ … })` in a file for `loadConfig`.
 *
 * @example
 * export default defineConfig({
 *   cluster: 'line-7',
 *   behaviours: [behaviours],
 *   workers: [{ id: 'hits', run: behaviours.counter, args: [0] }],
 * })
 * @throws {OptionsError} naming every bad field of all of it
 */
export function defineConfig<
  const Workers extends readonly unknown[] = readonly ConfiguredWorker[],
  const Groups extends readonly unknown[] = readonly GroupSpec[],
  const Chains extends readonly unknown[] = readonly ChainSpec[],
>(
  config: Config<
    Workers & FittedWorkers<Workers>,
    Groups & FittedGroups<Groups>,
    Chains & FittedChains<Chains>
  >,
): Config {
  // Which file it is in is not known here: whoever loads it takes paths from there.
  checkConfig(withResolved(config, ANY_FILE))
  const {
    workers,
    groups,
    chains,
    ...rest
  }: Config<readonly unknown[], readonly unknown[], readonly unknown[]> = config
  return {
    ...rest,
    ...(workers === undefined ? {} : { workers: workers.filter(isWorker) }),
    ...(groups === undefined ? {} : { groups: groups.filter(isGroup) }),
    ...(chains === undefined ? {} : { chains: chains.filter(isChain) }),
  }
}

const ANY_FILE = 'file:///'

/** The config with the paths of behaviours that begin with `./` or `../` taken from where the file `url` is. */
export function withResolved<C extends object>(config: C, url: string): C {
  try {
    const sources = boundedList(fieldOf(config, 'behaviours'))
    if (!sources.some(isRelative)) return config
    const behaviours = sources.map(source => (isRelative(source) ? new URL(source, url).href : source))
    return { ...config, behaviours }
  } catch {
    // What throws when one looks at it, the check names.
    return config
  }
}

const specs = v.optional(listOf(v.unknown()))
/** Checks what of a config is not of one spec. */
export const configSchema = fields({ ...nodeFields, workers: specs, groups: specs, chains: specs })

/** What has been found so far. */
interface Findings {
  readonly problems: Problem[]
  /** Where an id stands first. */
  readonly taken: Map<unknown, string>
}

/** @throws {OptionsError} naming every bad field of all of it: `groups[0].members[2].run` */
export function checkConfig(config: unknown): CheckedConfig {
  try {
    return checkAll(config)
  } catch (error) {
    const problem = isOptionsError(error) ? undefined : findUnreadable(config)
    throw problem === undefined ? error : new OptionsError('the config', [problem])
  }
}

function checkAll(config: unknown): CheckedConfig {
  const whole = inspect(configSchema, config)
  const findings: Findings = { problems: whole.kind === 'bad' ? [...whole.problems] : [], taken: new Map() }
  const found = [
    ...declareAll('workers', config, declareWorker, findings),
    ...declareAll('groups', config, declareGroup, findings),
    ...declareAll('chains', config, declareChain, findings),
  ]
  if (findings.problems.length > 0) throw new OptionsError('the config', onePerField(findings.problems))
  const all: Readonly<Record<string, unknown>> = { ...(typeof config === 'object' ? config : {}) }
  const { workers: _workers, groups: _groups, chains: _chains, ...node } = all
  return { node, specs: found }
}

function declareAll(
  field: string,
  config: unknown,
  declare: (spec: unknown) => Declared<SpecBody>,
  findings: Findings,
): ConfiguredSpec[] {
  return boundedList(fieldOf(config, field)).flatMap((spec, index) => {
    const path = `${field}[${index}]`
    findings.problems.push(...badOf(field, path, spec, findings))
    try {
      const { id, body } = declare(spec)
      return isSpecId(id) ? [{ path, id, body }] : []
    } catch (error) {
      if (!isOptionsError(error)) throw error
      findings.problems.push(...error.problems.map(each => ({ ...each, path: pathOf(path, each.path) })))
      return []
    }
  })
}

/** What is wrong with a spec in a config only: nobody may choose its id, and nobody reads for it. */
function badOf(field: string, path: string, spec: unknown, { taken }: Findings): Problem[] {
  const problems: Problem[] = []
  const id = fieldOf(spec, 'id')
  const first = taken.get(id)
  if (first !== undefined) {
    problems.push({ path: `${path}.id`, found: show(id), wanted: `another id: ${first} has it` })
  } else if (isSpecId(id)) taken.set(id, path)
  if (field !== 'workers' || !isObject(spec)) return problems
  // For groups and chains their own checks say so.
  if (id === undefined) {
    const wanted = 'an id: other nodes may start with the same config'
    problems.push({ path: `${path}.id`, found: 'nothing', wanted })
  }
  const input = fieldOf(spec, 'input')
  if (input !== undefined) {
    const wanted = 'nothing: every node with this config would read it'
    problems.push({ path: `${path}.input`, found: show(input), wanted })
  }
  return problems
}

/** `it` is what was checked as a whole. */
function pathOf(below: string, path: string): string {
  return path === 'it' ? below : `${below}.${path}`
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isWorker(value: unknown): value is ConfiguredWorker {
  return isObject(value)
}

function isGroup(value: unknown): value is GroupSpec {
  return isObject(value)
}

function isChain(value: unknown): value is ChainSpec {
  return isObject(value)
}

/** Of what a getter of the user's has thrown, even this may throw. */
function isOptionsError(error: unknown): error is OptionsError {
  try {
    return error instanceof OptionsError
  } catch {
    return false
  }
}
