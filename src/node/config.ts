// pure
/** A node and what shall run on its mesh, as one value: in a file, or put together by a program. */

import { MeshvisorError, OptionsError, type Problem } from '../errors.ts'
import { type SpecId, isSpecId } from '../ids.ts'
import type { SpecBody } from '../protocol/spec-row.ts'
import { show } from './check.ts'
import { type NodeInit, checkOptions } from './options.ts'
import { type ChainSpec, declareChain } from './specs/chain-spec.ts'
import type { Process, WithArgs } from './specs/child.ts'
import { type Fitted, type GroupSpec, type MemberSpec, declareGroup } from './specs/group-spec.ts'
import type { Declared } from './specs/spec.ts'
import { type WorkerSpec, declareWorker } from './specs/worker-spec.ts'

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
> extends NodeInit {
  /** @default [] */
  readonly workers?: Workers
  /** @default [] */
  readonly groups?: Groups
  /** @default [] */
  readonly chains?: readonly ChainSpec[]
}

/** The workers, each with the arguments that its behaviour wants. */
export type FittedWorkers<Workers extends readonly unknown[]> = {
  readonly [K in keyof Workers]: Workers[K] extends { readonly run: infer B extends Process }
    ? ConfiguredWorker & { readonly run: B } & WithArgs<B>
    : never
}

/** The groups, each member with the arguments that its behaviour wants. */
export type FittedGroups<Groups extends readonly unknown[]> = {
  readonly [K in keyof Groups]: Groups[K] extends { readonly members: infer M extends readonly MemberSpec[] }
    ? GroupSpec<M & Fitted<M>>
    : GroupSpec
}

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
 */
export function defineConfig<
  const Workers extends readonly unknown[] = readonly ConfiguredWorker[],
  const Groups extends readonly unknown[] = readonly GroupSpec[],
>(config: Config<Workers & FittedWorkers<Workers>, Groups & FittedGroups<Groups>>): Config {
  const { workers, groups, ...rest }: Config<readonly unknown[], readonly unknown[]> = config
  return {
    ...rest,
    ...(workers === undefined ? {} : { workers: workers.filter(isWorker) }),
    ...(groups === undefined ? {} : { groups: groups.filter(isGroup) }),
  }
}

/** @throws {OptionsError} naming every bad field of all of it: `groups[0].members[2].run` */
export function checkConfig(config: unknown): CheckedConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new OptionsError('the config', [{ path: 'it', found: show(config), wanted: 'an object' }])
  }
  const { workers, groups, chains, ...node }: Readonly<Record<string, unknown>> = { ...config }
  const problems = problemsIn('', () => checkOptions(node))
  const specs = [
    ...declareAll('workers', workers, declareWorker, problems),
    ...declareAll('groups', groups, declareGroup, problems),
    ...declareAll('chains', chains, declareChain, problems),
  ]
  const seen = new Set<SpecId>()
  for (const { path, id } of specs) {
    if (seen.has(id))
      problems.push({ path: `${path}.id`, found: show(id), wanted: 'an id that is not taken' })
    seen.add(id)
  }
  if (problems.length > 0) throw new OptionsError('the config', problems)
  return { node, specs }
}

function declareAll(
  field: string,
  list: unknown,
  declare: (spec: unknown) => Declared<SpecBody>,
  problems: Problem[],
): ConfiguredSpec[] {
  if (list === undefined) return []
  if (!isList(list)) {
    problems.push({ path: field, found: show(list), wanted: 'a list' })
    return []
  }
  return list.flatMap((spec, index) => {
    const path = `${field}[${index}]`
    const found: ConfiguredSpec[] = []
    const bad = problemsIn(`${path}.`, () => {
      const { id, body, input } = declare(spec)
      if (input !== undefined) {
        const wanted = 'nothing: every node with this config would read it'
        throw new OptionsError(path, [{ path: 'input', found: 'an input', wanted }])
      }
      if (isSpecId(id)) found.push({ path, id, body })
      else
        throw new OptionsError(path, [
          { path: 'id', found: 'nothing', wanted: 'an id: others may start with the same config' },
        ])
    })
    problems.push(...bad)
    return found
  })
}

/** What is wrong, each path behind `prefix`. */
function problemsIn(prefix: string, action: () => void): Problem[] {
  try {
    action()
    return []
  } catch (error) {
    if (error instanceof OptionsError) {
      return error.problems.map(problem => ({ ...problem, path: pathOf(prefix, problem.path) }))
    }
    if (!(error instanceof MeshvisorError)) throw error
    // Only arguments are told by other errors: of a worker they are its own, else of one of its parts.
    const path = pathOf(prefix, prefix.startsWith('workers[') ? 'args' : 'it')
    return [
      { path, found: error.message, wanted: 'arguments that can be sent, and that the behaviour takes' },
    ]
  }
}

/** `it` is what was checked as a whole. */
function pathOf(prefix: string, path: string): string {
  return path === 'it' && prefix !== '' ? prefix.slice(0, -1) : `${prefix}${path}`
}

function isWorker(value: unknown): value is ConfiguredWorker {
  return typeof value === 'object' && value !== null
}

function isGroup(value: unknown): value is GroupSpec {
  return typeof value === 'object' && value !== null
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}
