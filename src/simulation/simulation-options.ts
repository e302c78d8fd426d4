// pure
/** What `simulate` takes: checked once, and complete from then on. */

import * as v from 'valibot'

import { ID_LENGTH_MAX, isPlainId } from '../ids.ts'
import type { NetworkConditions } from '../io/memory/network-conditions.ts'
import { type Breach, check, fieldOf, fields, mapOf, rule } from '../node/check.ts'
import { isLogger, nodeFields } from '../node/options.ts'
import type { BehaviourSource } from '../node/workers/registry.ts'
import { withNearest } from '../node/nearest.ts'
import type { Logger } from '../ports.ts'
import { LAN_TIMINGS, type Profile, type Timings } from '../protocol/timings.ts'

export interface SimulationInit {
  /** Everything that is drawn by lot comes from it: a whole number, or any text. @default 1 */
  readonly seed?: number | string
  /** Names of the nodes, all different, or how many: 1 to 1_000, then `n1`, `n2` … @default 3 */
  readonly nodes?: number | readonly string[]
  /** Every node knows the addresses of the first so many nodes, 1 or more; of others it is told. @default all */
  readonly seeds?: number
  /** Whose addresses this node knows in place of these, by its name: names of nodes, may be none. @default {} */
  readonly seedsOf?: Readonly<Record<string, readonly string[]>>
  /** What every node can run. @default [] */
  readonly behaviours?: readonly BehaviourSource[]
  /** What this node can run instead, by its name. @default {} */
  readonly behavioursOf?: Readonly<Record<string, readonly BehaviourSource[]>>
  /** The weight of this node, by its name: 1 to 16. @default {} */
  readonly weightOf?: Readonly<Record<string, number>>
  /** The labels of this node, by its name. @default {} */
  readonly labelsOf?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** What the network is like; each is 0 or more, or above 0 where it says so. @default {} */
  readonly conditions?: Partial<NetworkConditions>
  /** How patient the nodes are with each other. @default 'lan' */
  readonly profile?: Profile
  /** What differs from the profile: milliseconds, each 1 or more. @default {} */
  readonly timings?: Partial<Omit<Timings, 'profile'>>
  /** Told of everything that happens on the network, a line each. @default nobody */
  readonly onTrace?: (line: string) => void
  /** @default silence */
  readonly logger?: Logger
}

/** More would be no test of anything: every node has a session with every other. */
const NODES_MAX = 1_000

const seed = v.custom<number | string>(
  value => Number.isSafeInteger(value) || (typeof value === 'string' && value !== ''),
  'a whole number or a text',
)
const nodesSchema = v.custom<number | readonly string[]>(
  value => isList(value) || isCount(value),
  `a whole number from 1 to ${NODES_MAX}, or a list of as many names`,
)
const atLeast = (min: number): v.GenericSchema<unknown, number | undefined> => {
  const wanted = `a number, ${min} or more`
  return v.optional(v.pipe(v.number(wanted), v.finite(wanted), v.minValue(min, wanted)))
}

const anyProbability = 'a number from 0 to 1'
const probability = v.optional(
  v.pipe(v.number(anyProbability), v.minValue(0, anyProbability), v.maxValue(1, anyProbability)),
)

const anyRate = 'a number above 0'

const conditions = fields({
  latencyMs: atLeast(0),
  jitterMs: atLeast(0),
  spreadMs: atLeast(0),
  bytesPerMs: v.optional(v.pipe(v.number(anyRate), v.gtValue(0, anyRate))),
  hintLoss: probability,
  hintEcho: probability,
  packetLoss: probability,
  sessionTimeoutMs: atLeast(0),
  dialTimeoutMs: atLeast(0),
})
const { profile: _profile, ...milliseconds } = LAN_TIMINGS
const timings = fields(Object.fromEntries(Object.keys(milliseconds).map(name => [name, atLeast(1)])))

const anySeeds = 'a whole number, 1 or more'
const nameList = v.custom<readonly string[]>(isList, `a list of names of nodes, ${NODES_MAX} at most`)

/** Checks what `simulate` takes. */
export const simulation = v.pipe(
  fields({
    seed: v.optional(seed, 1),
    nodes: v.optional(nodesSchema, 3),
    seeds: v.optional(v.pipe(v.number(anySeeds), v.integer(anySeeds), v.minValue(1, anySeeds))),
    seedsOf: v.optional(mapOf(nameList, 'an object: name of a node → names of those that it knows'), {}),
    behaviours: nodeFields.behaviours,
    behavioursOf: v.optional(mapOf(nodeFields.behaviours, 'an object: name of a node → behaviours'), {}),
    weightOf: v.optional(mapOf(nodeFields.weight, 'an object: name of a node → weight'), {}),
    labelsOf: v.optional(mapOf(nodeFields.labels, 'an object: name of a node → labels'), {}),
    conditions: v.optional(conditions, {}),
    profile: nodeFields.profile,
    timings: v.optional(timings, {}),
    onTrace: v.optional(v.custom<(line: string) => void>(value => typeof value === 'function', 'a function')),
    logger: v.optional(v.custom<Logger>(isLogger, 'a logger such as pino()')),
  }),
  rule(badNames),
  rule(init => ['seedsOf', 'behavioursOf', 'weightOf', 'labelsOf'].flatMap(field => nobodys(init, field))),
  rule(unknownSeeds),
)

/** @returns the names of the nodes @throws {OptionsError} naming every bad field */
export function checkSimulation(init: SimulationInit): readonly string[] {
  return namesOf(check('simulate', simulation, init).nodes)
}

/** Checks what the network of a simulation is to be like. @throws {OptionsError} naming every bad field */
export function checkConditions(to: Partial<NetworkConditions>): void {
  check('setConditions', conditions, to)
}

function badNames(init: unknown): Breach[] {
  const names = fieldOf(init, 'nodes')
  if (!isList(names)) return []
  if (names.length === 0) return [{ path: ['nodes'], found: names, wanted: 'at least one name' }]
  return names.flatMap((name, index): Breach[] => {
    const first = names.indexOf(name)
    const path = ['nodes', index]
    if (!isPlainId(name)) {
      const wanted = `a name of 1 to ${ID_LENGTH_MAX} printable characters, without "/"`
      return [{ path, found: name, wanted }]
    }
    return first === index ? [] : [{ path, found: name, wanted: `another name: nodes[${first}] has it` }]
  })
}

/** What is said of nodes that there are not. */
function nobodys(init: unknown, field: string): Breach[] {
  const names = knownNames(init)
  return entriesOf(fieldOf(init, field)).flatMap(([name, found]) =>
    missing(name, names, [field, name], found),
  )
}

/** Who knows the address of a node that there is not. */
function unknownSeeds(init: unknown): Breach[] {
  const names = knownNames(init)
  return entriesOf(fieldOf(init, 'seedsOf')).flatMap(([name, seeds]) =>
    isList(seeds)
      ? seeds.flatMap((other, index) => missing(other, names, ['seedsOf', name, index], other))
      : [],
  )
}

function missing(
  name: unknown,
  names: readonly string[] | undefined,
  path: readonly (string | number)[],
  found: unknown,
): Breach[] {
  if (names === undefined || (typeof name === 'string' && names.includes(name))) return []
  return [{ path, found, wanted: withNearest('the name of a node', String(name), names) }]
}

/** The names of the nodes; undefined: there are none that could be. */
function knownNames(init: unknown): readonly string[] | undefined {
  const nodes = fieldOf(init, 'nodes')
  return isList(nodes) || isCount(nodes) ? namesOf(nodes).map(String) : undefined
}

function entriesOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries<unknown>({ ...value })
}

function namesOf<Name>(nodes: number | readonly Name[]): readonly (Name | string)[] {
  return typeof nodes === 'number' ? Array.from({ length: nodes }, (_, index) => `n${index + 1}`) : nodes
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= NODES_MAX
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= NODES_MAX
}
