// pure
/** What `createNode` takes: checked once, and complete from then on. */

import * as v from 'valibot'

import { ADDRESS_WANTED, NODE_ID_PATTERN, objectionTo } from '../multiaddress.ts'
import type { Logger } from '../ports.ts'
import { PROFILES, type Profile, TIMINGS, type Timings } from '../protocol/timings.ts'
import { PUSHED_MAX } from '../protocol/limits.ts'
import type { MemberRole, ProtocolRange } from '../protocol/member-row.ts'
import { PROTOCOL } from '../protocol/messages.ts'
import { check, fields } from './check.ts'
import { listOf } from './list-schema.ts'
import { show } from './show.ts'
import { ZONE_WRITTEN, labels } from './specs/placement-option.ts'
import { signal } from './wait-options.ts'
import type { BehaviourSource } from './workers/registry.ts'

export interface NodeInit {
  /** Nodes of one name and secret form a mesh; others are refused at the handshake. @default 'meshvisor' */
  readonly cluster?: string
  /** Known to all nodes of the mesh. Without one, whoever knows the name can join. @default '' */
  readonly secret?: string
  /** For people: logs, events, dashboards. Two nodes of one process and cluster have different ones. @default the end of the node's id */
  readonly name?: string
  /**
   * What this node can run: URLs of modules (`import.meta.resolve('./behaviours.ts')`), modules, or behaviours. A path
   * such as './behaviours.ts' is for files that `loadConfig` reads only: elsewhere nobody knows from where it is.
   * @default []
   */
  readonly behaviours?: readonly BehaviourSource[]
  /** Multiaddresses to listen on. None: nobody can dial this node, it dials others. @default ['/ip4/0.0.0.0/tcp/0'] */
  readonly listen?: readonly string[]
  readonly discovery?: {
    /** Finds nodes in the same network by multicast. @default true */
    readonly mdns?: boolean
    /**
     * Multiaddresses of nodes to join by: any one of them will do. Tried for ever. A name (`/dns4/gateway.local/tcp/7000`)
     * is looked up again and again, and stands for all of its addresses. @default []
     */
    readonly seeds?: readonly string[]
    /**
     * A file with such addresses, one a line; `#` starts a comment. Read again whenever it changes, also when it
     * does not exist yet. @default none
     */
    readonly peersFile?: string
  }
  /**
   * Where the node keeps its key, and where others were when it ran last. One node at a time can use a folder.
   * A relative path counts from where the process is when the node starts.
   * @default none: every run is a new node
   */
  readonly dataFolder?: string
  /** The ids of the nodes that may take part; everybody else is refused at the handshake. @default whoever knows the secret */
  readonly allow?: readonly string[]
  /**
   * How patient the mesh is with its nodes; all must have the same. `lan`: wired machines of one site; `edge`: Wi-Fi
   * and slow processors, twice as patient; `wan`: several sites, six times. @default 'lan'
   */
  readonly profile?: Profile
  /** `client`: uses the mesh and is never given work. @default 'member' */
  readonly role?: MemberRole
  /** A node of weight 2 gets twice the workers of one of weight 1: 1 to 16. @default 1 */
  readonly weight?: number
  /** Facts about the node. `zone` says which nodes are near each other. @default {} */
  readonly labels?: Readonly<Record<string, string>>
  /** Any logger of the shape of pino's; false for silence. @default warnings and errors on stderr */
  readonly logger?: Logger | false
  /** The node stops when it aborts: the life of the node is that of whatever the signal stands for. */
  readonly signal?: AbortSignal
}

export interface NodeOptions {
  readonly cluster: string
  readonly secret: string
  readonly name: string | undefined
  readonly behaviours: readonly BehaviourSource[]
  readonly listen: readonly string[]
  readonly mdns: boolean
  readonly seeds: readonly string[]
  readonly peersFile: string | undefined
  readonly dataFolder: string | undefined
  readonly allow: readonly string[] | undefined
  readonly role: MemberRole
  readonly weight: number
  readonly labels: Readonly<Record<string, string>>
  readonly logger: Logger | false | undefined
  readonly signal?: AbortSignal | undefined
  readonly timings: Timings
  /** See `PUSHED_MAX`. */
  readonly pushedMax: number
  readonly protocol: ProtocolRange
}

const text = (wanted: string, max = 200): v.GenericSchema<unknown, string> =>
  v.pipe(v.string(wanted), v.maxLength(max, wanted))
const address = v.pipe(v.string('a multiaddress'), v.startsWith('/', ADDRESS_WANTED))
/** What can never be dialled is refused here; a name that nobody knows may be known later. */
const seed = v.pipe(
  v.string('a multiaddress'),
  v.check(
    value => objectionTo(value) === undefined,
    ({ input }) => objectionTo(input) ?? ADDRESS_WANTED,
  ),
)
const path = v.pipe(text('a path', 4096), v.minLength(1, 'a path'))
const peer = v.pipe(v.string('a node id'), v.regex(NODE_ID_PATTERN, 'a node id such as 12D3KooW…'))
/** A path that says from where it is to be taken; a module of that path could be anybody's. */
const RELATIVE_PATH = /^\.\.?[/\\]/

const source = v.pipe(
  v.custom<BehaviourSource>(
    value => (typeof value === 'string' && value !== '') || (typeof value === 'object' && value !== null),
    'the URL of a module, a module, or a behaviour',
  ),
  v.check(
    value => !isRelative(value),
    ({ input }) =>
      `a URL, as a path is relative to a file that is not known here: import.meta.resolve(${show(input)})`,
  ),
)
const LOG_LEVELS = ['debug', 'info', 'warn', 'error']
const logger = v.custom<Logger | false>(
  value => value === false || isLogger(value),
  'a logger such as pino(), or false',
)
const weight = 'a number from 1 to 16'

/** The fields of `NodeInit`. */
export const nodeFields = {
  cluster: v.optional(
    v.pipe(text('a name of 1 to 64 characters', 64), v.minLength(1, 'a name of 1 to 64 characters')),
    'meshvisor',
  ),
  secret: v.optional(text('a text of at most 1000 characters', 1000), ''),
  name: v.optional(text('a text of at most 200 characters')),
  behaviours: v.optional(listOf(source), []),
  listen: v.optional(listOf(address, 'multiaddresses'), ['/ip4/0.0.0.0/tcp/0']),
  discovery: v.optional(
    fields({
      mdns: v.optional(v.boolean('true or false'), true),
      seeds: v.optional(listOf(seed, 'multiaddresses'), []),
      peersFile: v.optional(path),
    }),
    {},
  ),
  dataFolder: v.optional(path),
  allow: v.optional(listOf(peer, 'node ids')),
  profile: v.optional(v.picklist(PROFILES, 'lan, edge or wan'), 'lan'),
  role: v.optional(v.picklist(['member', 'client'], 'member or client'), 'member'),
  weight: v.optional(v.pipe(v.number(weight), v.minValue(1, weight), v.maxValue(16, weight)), 1),
  labels: v.optional(labels, {}),
  logger: v.optional(logger),
  signal,
}

/** Checks what `createNode` takes. */
export const nodeInit = fields(nodeFields, { zone: ZONE_WRITTEN })

/** Whether a source of behaviours is a path that says nothing without a file that it is relative to. */
export function isRelative(given: unknown): given is string {
  return typeof given === 'string' && RELATIVE_PATH.test(given)
}

export function isLogger(value: unknown): boolean {
  // Its functions may be inherited: a logger may be an object of any class.
  return (
    typeof value === 'object' &&
    value !== null &&
    LOG_LEVELS.every(level => typeof Reflect.get(value, level) === 'function')
  )
}

/** @throws {OptionsError} naming every bad field */
export function checkOptions(init: NodeInit): NodeOptions {
  const { discovery, profile, ...rest } = check('createNode', nodeInit, init)
  return {
    ...rest,
    name: rest.name,
    logger: rest.logger,
    signal: rest.signal,
    mdns: discovery.mdns,
    seeds: discovery.seeds,
    peersFile: discovery.peersFile,
    dataFolder: rest.dataFolder,
    allow: rest.allow,
    timings: TIMINGS[profile],
    pushedMax: PUSHED_MAX,
    protocol: PROTOCOL,
  }
}
