// pure
/**
 * What shall run, as data: every node holds every spec. A spec names its behaviours and carries arguments as
 * bytes; functions never travel.
 */

import type { SpecId } from '../ids.ts'
import type { Hlc } from './hlc.ts'
import type { PlacementWish, Sharing } from './placement-wish.ts'

/** As in OTP: always · after anything but a normal end · never. */
export const RESTART_TYPES = ['permanent', 'transient', 'temporary'] as const
export type RestartType = (typeof RESTART_TYPES)[number]

/**
 * As in OTP, what a crash takes with it: nothing else · all siblings · the siblings that were started after it. In a
 * chain: only the worker · all stages · its stage and those behind it.
 */
export const GROUP_STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one'] as const
export type GroupStrategy = (typeof GROUP_STRATEGIES)[number]

/** For chains also: its stage and those before it. */
export const CHAIN_STRATEGIES = [...GROUP_STRATEGIES, 'before_for_one'] as const
export type ChainStrategy = (typeof CHAIN_STRATEGIES)[number]

/** As in OTP, when a group ends because significant members did: not at all · with the first · with the last of them. */
export const AUTO_SHUTDOWNS = ['never', 'any', 'all'] as const
export type AutoShutdown = (typeof AUTO_SHUTDOWNS)[number]

/** At most `restarts` of them in any `withinMs`; one more, and the supervisor gives up. */
export interface RestartIntensity {
  readonly restarts: number
  readonly withinMs: number
}

/** Where the code of a worker runs: in the thread of the node, in a thread of its own, in a process of its own. */
export const ISOLATIONS = ['inline', 'thread', 'process'] as const
export type Isolation = (typeof ISOLATIONS)[number]

/** What a worker in a thread or process may use. */
export interface Limits {
  /**
   * Megabytes of JavaScript heap; buffers are not counted. Undefined: what Node gives. One allocation that is beyond it
   * by more than 16 MB ends the whole process of a thread: only a process contains that.
   */
  readonly heapMb?: number | undefined
  /** How long its event loop may be held up before it is killed. */
  readonly heartbeatMs: number
}

/** One worker as its supervisor sees it. */
export interface ChildSpec {
  /** `name@version` */
  readonly behaviour: string
  /** The encoded list of arguments. */
  readonly args: Uint8Array
  readonly restart: RestartType
  /** How long it may take to start. */
  readonly startTimeoutMs: number
  /** How long it may take to stop before it is abandoned. */
  readonly stopTimeoutMs: number
  readonly isolation: Isolation
  readonly limits: Limits
  /** Undefined: wherever it can run. */
  readonly placement?: PlacementWish | undefined
  /** Undefined: as much as by default. */
  readonly mailbox?: MailboxLimits | undefined
}

/** How much may wait for a worker. */
export interface MailboxLimits {
  readonly messages: number
  /** As estimated for what comes from the same node, as counted for what comes from another. */
  readonly bytes: number
}

/**
 * What a node must have to run the worker, as the list of behaviours in its member row says: the behaviour; for a
 * thread or process also the module that it comes from.
 */
export function needOf({ behaviour, isolation }: Pick<ChildSpec, 'behaviour' | 'isolation'>): string {
  return isolation === 'inline' ? behaviour : isolatedNeed(behaviour)
}

/** How a node says that it can run `behaviour` in a thread or process. */
export function isolatedNeed(behaviour: string): string {
  return `${behaviour}${ISOLATED}`
}

/** The behaviour that a node can run in a thread or process, where `need` says so; undefined where it says something else. */
export function isolatedIn(need: string): string | undefined {
  return need.endsWith(ISOLATED) ? need.slice(0, -ISOLATED.length) : undefined
}

/** After a space, which no name of a behaviour ends with. */
const ISOLATED = ' isolated'

/** `active`: a worker moves to a node that joins, where placement wants it there; `passive`: it stays while its node does. */
export const REBALANCES = ['active', 'passive'] as const
export type Rebalance = (typeof REBALANCES)[number]

export interface WorkerBody {
  readonly kind: 'worker'
  readonly child: ChildSpec
  readonly intensity: RestartIntensity
  readonly rebalance: Rebalance
}

export interface GroupBody {
  readonly kind: 'group'
  readonly strategy: GroupStrategy
  readonly intensity: RestartIntensity
  readonly autoShutdown: AutoShutdown
  /** Another one with every restart of the whole group by a user. */
  readonly revision: number
  readonly spread: Sharing
  /** For all members. */
  readonly placement?: PlacementWish | undefined
  /** In the order in which they start. */
  readonly members: readonly MemberBody[]
}

/** What members and stages have in common. */
interface PartBody {
  /** Unique in its group or chain. */
  readonly id: string
  readonly child: ChildSpec
  /** Another one with every change of the part, and with every restart of it by a user. */
  readonly revision: number
  /** A user has stopped it: it stays down until a user restarts it. */
  readonly isStopped: boolean
  /** When it was added or changed by itself last. Undefined: it is as the whole was declared, and restarted since. */
  readonly at?: Hlc | undefined
  /** Where it is among the others: before those whose text is greater. Undefined: nothing was changed, the list says it. */
  readonly place?: string | undefined
}

export interface MemberBody extends PartBody {
  /** Its end may be the end of the group: see `autoShutdown`. */
  readonly isSignificant: boolean
}

/** How many outcomes an item of a stage, or of a whole chain, has: see `Outcome`. */
export const EMISSIONS = ['one', 'maybe', 'many'] as const
export type Emission = (typeof EMISSIONS)[number]

/** How the items of a stage are shared out among its workers. */
export const ROUTES = ['least-debt', 'round_robin', 'random', 'key', 'broadcast'] as const
export type Route = (typeof ROUTES)[number]

/** What a throw of user code at an item means. */
export const ITEM_ERROR_POLICIES = ['crash', 'retry', 'deadLetter'] as const
export type ItemErrorPolicy = (typeof ITEM_ERROR_POLICIES)[number]

/** More workers a stage cannot have: each is a slot that all nodes place. */
export const STAGE_WORKERS_MAX = 256

/** Of a chain with more workers in all, no message is made sense of. Far fewer are run: see `spec-size.ts`. */
export const CHAIN_WORKERS_MAX = 2 ** 18

export interface StageBody extends PartBody {
  /** How many workers share the items of the stage. */
  readonly workers: number
  readonly emission: Emission
  readonly route: Route
  readonly onItemError: ItemErrorPolicy
  /** How many items may wait for each worker: see `StageSpec`. */
  readonly queueItems: number
}

export interface ChainBody {
  readonly kind: 'chain'
  readonly strategy: ChainStrategy
  readonly intensity: RestartIntensity
  /** Another one with every restart of the whole chain by a user. */
  readonly revision: number
  /** @default true */
  readonly spread?: Sharing | undefined
  /** For all stages. */
  readonly placement?: PlacementWish | undefined
  /** First stage first. */
  readonly stages: readonly StageBody[]
  readonly emission: Emission
  /** How many items of one sender may be on their way. */
  readonly windowItems: number
  /** So often an item is tried before it is put aside as dead. */
  readonly attemptsMax: number
  /** `name@version` of the stage that is given whatever comes out of the last one. */
  readonly onFinish?: string | undefined
}

export type SpecBody = WorkerBody | GroupBody | ChainBody

/** What consists of parts, members or stages, that are added, changed and removed one by one. */
export type FateBody = GroupBody | ChainBody

/** What is declared: a standalone worker, a group, a chain. */
export type SpecKind = 'worker' | 'group' | 'chain'

/** `stopped`: it stays declared, and nothing of it runs until it is restarted. */
export const DESIRED_STATES = ['running', 'stopped'] as const
export type DesiredState = (typeof DESIRED_STATES)[number]

/** What somebody wants of a spec from now on. */
export interface SpecChange {
  readonly id: SpecId
  /** Undefined: the spec is removed. */
  readonly body: SpecBody | undefined
  readonly desired: DesiredState
  /**
   * A hash of what a config says, where nobody had anything under the id: two rows that have the same are one
   * declaration, made by two nodes that had not met. Whatever is written later has none.
   */
  readonly content?: number | undefined
  /**
   * The same hash, where a config was declared in the place of what was removed: that is no one declaration with others, but
   * who removes it, whatever was changed since, removes what that config says.
   */
  readonly configContent?: number | undefined
  /**
   * Of what a user has removed: the hash of what it said. A config that says just that does not bring it back. What is
   * declared in its place keeps it, for where that is taken back.
   */
  readonly removedContent?: number | undefined
}

/** What somebody does with a spec, as it is seen where that is asked for. */
export interface SpecWrite extends SpecChange {
  /** The row of the group or chain that was changed by it. Undefined: it is declared anew, or removed. */
  readonly base?: SpecRow | undefined
  /** Whether it is to run was asked for as well: the body alone says nothing about that. @default false */
  readonly isDesired?: boolean | undefined
}

export interface SpecRow extends SpecChange {
  /**
   * When it was written: the later one wins, whoever wrote it. What runs, runs for one version: the same body written
   * again is a restart.
   */
  readonly version: Hlc
  /** The version that the writer has replaced: whoever wrote a later one than that, has not been seen by it. */
  readonly replaces?: Hlc | undefined
  /** Nobody has written it: it is what `replaces` says, further on. See `upheldBy`. @default false */
  readonly isUpheld?: boolean | undefined
  /**
   * The latest of the versions that were overtaken by this one without its writer having seen them. It travels with
   * the row that counts, so that its writer hears of it also where the other row was replaced everywhere.
   */
  readonly overtaken?: Overtaken | undefined
  /** Of a group or chain: what became of it since it was declared. Undefined: nothing. */
  readonly edits?: Edits | undefined
}

/**
 * What was done to a declaration, when: of each part, and of the whole, the later change counts, so that changes of several
 * parts are all made, whoever makes them, and whether or not they cross. See `part-edits.ts`.
 */
export interface Edits {
  /** When it was declared: what was done to an earlier declaration of the id is over with it. */
  readonly declared: Hlc
  /** Of what is upheld: when that was declared. */
  readonly origin?: Hlc | undefined
  /** The version that whoever declared it has replaced: what has replaced the row since, is another matter. */
  readonly replaces?: Hlc | undefined
  /** Of what a config says: its hash, whatever was changed since. */
  readonly content?: number | undefined
  /** As in the row as it was declared. */
  readonly configContent?: number | undefined
  /** When the whole was stopped, or started, last. */
  readonly desired?: Hlc | undefined
  /** When the whole was started anew last: with all parts that were not changed since. */
  readonly renewed?: Hlc | undefined
  /** The latest first. */
  readonly removed: readonly RemovedPart[]
  /** The latest removal that is not listed any more: of whatever is not there, it may be the one. */
  readonly forgotten?: Hlc | undefined
}

export interface RemovedPart {
  readonly id: string
  readonly at: Hlc
}

/** A version of a spec that was not seen by whoever wrote a later one. */
export interface Overtaken {
  readonly version: Hlc
  /** It would have removed the spec. */
  readonly isRemoval: boolean
  /** Of what was upheld: when that was declared. Who has seen that has missed nothing, see `areRivals`. */
  readonly origin?: Hlc | undefined
}

/** The moment at which somebody has written what the row says. A worker that was started for that goes on. */
export function writtenAt({ version, replaces, isUpheld, edits, body }: SpecRow): Hlc {
  if (isUpheld === true && replaces !== undefined) return replaces
  // Nobody changes parts of a worker: a version that is later than its declaration is that of a group that it has overtaken.
  return edits === undefined || body?.kind !== 'worker' ? version : (edits.origin ?? edits.declared)
}

/** Whether both are for one declaration, which two nodes have made that had not met. */
export function isSameContent(
  a: { readonly content?: number | undefined },
  b: { readonly content?: number | undefined },
): boolean {
  return a.content !== undefined && a.content === b.content
}

/** What a chain gives for an item: it follows from its stages. */
export function emissionOf(stages: readonly Pick<StageBody, 'emission' | 'route'>[]): Emission {
  const isOneForMany = stages.some(({ emission, route }) => emission === 'many' || route === 'broadcast')
  return isOneForMany ? 'many' : 'maybe'
}

/** A text that is equal for equal moments. */
export function hlcText(moment: Hlc): string {
  // Joined, not a template: see the version of a claim.
  return [moment.ms, moment.count, moment.node].join('.')
}
