// pure
/**
 * Everything that can go wrong for a caller. Compare `name`, never the message: names are stable.
 * Each message says what was found, what was wanted, and what to do. Those of calls are in `call-errors.ts`.
 */

import { LATER } from './error-message.ts'

/** Common to all errors that meshvisor throws on purpose. */
export abstract class MeshvisorError extends Error {
  abstract override readonly name: string
}

/** One bad field: where it is (`members[2].run`) and what is wrong with it. */
export interface Problem {
  readonly path: string
  readonly found: string
  readonly wanted: string
}

/** The message of an error has no more lines than these: `problems` has the others. */
const LINES_MAX = 100
/** Several, by their grammar: whatever else is checked (a spec, a method, something by its id in quotes) is one. */
const OPTIONS = /^the options\b/

/** Options or a spec with bad fields: all of them at once, in their order. */
export class OptionsError extends MeshvisorError {
  override readonly name = 'OptionsError'
  readonly problems: readonly Problem[]

  constructor(what: string, problems: readonly Problem[]) {
    const lines = problems
      .slice(0, LINES_MAX)
      .map(({ path, found, wanted }) => `  ${path}: found ${found}, wanted ${wanted}`)
    if (problems.length > LINES_MAX) lines.push(`  … and ${problems.length - LINES_MAX} more`)
    const found = problems.length === 1 ? 'a bad field' : `${problems.length} bad fields`
    const has = OPTIONS.test(what) ? 'have' : 'has'
    super(`${what} ${has} ${found}:\n${lines.join('\n')}`)
    this.problems = problems
  }
}

/** The id is taken; what has it, is left as it is. */
export class AlreadyExistsError extends MeshvisorError {
  override readonly name = 'AlreadyExistsError'
  readonly id: string

  constructor(id: string, kind: string) {
    super(`there is already a ${kind} "${id}": choose another id, or remove it first`)
    this.id = id
  }
}

/** Whether what was asked for may have been done, where something has been asked for: see `CallError`. */
export interface ExecutionOptions {
  /** @default false */
  readonly maybeExecuted?: boolean
}

/** Nothing of that kind has the id. */
export class NotFoundError extends MeshvisorError {
  override readonly name = 'NotFoundError'
  readonly id: string
  /** As of a `CallError`: true for an item that was in a chain, or on its way to a stage, that has been removed. */
  readonly maybeExecuted: boolean

  /** `hint`: what to do about it, in place of looking for the id. */
  constructor(
    id: string,
    kind: string,
    { maybeExecuted = false, hint }: ExecutionOptions & { readonly hint?: string | undefined } = {},
  ) {
    const advice = hint ?? 'look for its id in node.snapshot(), or declare it first'
    super(`there is no ${kind} "${id}": ${advice}`)
    this.id = id
    this.maybeExecuted = maybeExecuted
  }
}

/** No live node can run the behaviour. */
export class BehaviourNotFoundError extends MeshvisorError {
  override readonly name = 'BehaviourNotFoundError'
  readonly behaviour: string

  constructor(behaviour: string, known: readonly string[]) {
    const list = known.join(', ') || 'none'
    super(
      `no live node has the behaviour "${behaviour}" (known: ${list}): register its module with createNode({ behaviours }) of a node that takes work${LATER}`,
    )
    this.behaviour = behaviour
  }
}

/** A worker is to run in a thread or process, and no live node knows the module of its behaviour. */
export class IsolationError extends MeshvisorError {
  override readonly name = 'IsolationError'
  readonly behaviour: string

  /** `hint`: what else can be done about it. */
  constructor(behaviour: string, isolation: string, hint = '') {
    super(
      `the behaviour "${behaviour}" cannot run in a ${isolation}: live nodes have it as an object only, and a ${isolation} has to import it; ` +
        'give its module by URL: createNode({ behaviours: [import.meta.resolve(…)] })' +
        hint,
    )
    this.behaviour = behaviour
  }
}

/** A value that cannot be sent, or bytes that are none. */
export class PayloadError extends MeshvisorError {
  override readonly name = 'PayloadError'
}

/** An address that cannot be listened on, and why. */
export interface ListenFailure {
  readonly address: string
  readonly reason: string
}

/** An address cannot be listened on: its port is in use, it is not of this machine, or it is none. */
export class ListenError extends MeshvisorError {
  override readonly name = 'ListenError'
  /** Each that cannot, in their order: then nothing listens on the others, either. */
  readonly failures: readonly ListenFailure[]

  constructor(failures: readonly ListenFailure[], options?: ErrorOptions) {
    const lines = failures.map(({ address, reason }) => `${address}: ${reason}`)
    const what = 'cannot listen on'
    super(lines.length === 1 ? `${what} ${lines[0]}` : [what, ...lines].join('\n  '), options)
    this.failures = failures
  }
}

/** The data folder is used by a node that does not give way, cannot be read or written, or holds a damaged key. */
export class DataFolderError extends MeshvisorError {
  override readonly name = 'DataFolderError'
}

/** Another process with the key of this node has started later, in the mesh or on this machine: this one has stopped. */
export class DuplicateIdentityError extends MeshvisorError {
  override readonly name = 'DuplicateIdentityError'
  readonly node: string

  constructor(node: string) {
    super(
      `another process with the key of this node (${node}) has started, so this one has stopped, and hands over nothing of its workers: ` +
        'give each node a data folder of its own, or stop a node before its successor starts',
    )
    this.node = node
  }
}

/** The Node that runs this is too old. */
export class EngineError extends MeshvisorError {
  override readonly name = 'EngineError'

  constructor(found: string, wanted: number) {
    super(`found Node ${found}, wanted ${wanted} or later: install it, or use the npm package "node"`)
  }
}

/** The wall clock of this machine stands before 1970: others take nothing of a node that says so. */
export class ClockError extends MeshvisorError {
  override readonly name = 'ClockError'

  constructor(wallMs: number) {
    super(`found a wall clock of ${wallMs} ms since 1970, wanted 0 or later: set the clock of this machine`)
  }
}

/** The mesh has not become what was waited for. */
export class FormationError extends MeshvisorError {
  override readonly name = 'FormationError'
}

/**
 * A node that is emptied still has workers that others are to take, or that are still to stop. They go on moving, those that
 * stay with `unplaced` as soon as another node takes these.
 */
export class DrainError extends MeshvisorError {
  override readonly name = 'DrainError'
  /** The slots of those workers. Empty where `resume()` was called meanwhile. */
  readonly workers: readonly string[]
  /** The ids of members that are to take some of them, and with which this node has no session. */
  readonly unreachable: readonly string[]
  /** Slots that no other node takes, and with which some of them stay, as a group or chain that shares its fate does as a whole. */
  readonly unplaced: readonly string[]

  constructor(message: string, rest: Partial<Pick<DrainError, 'workers' | 'unreachable' | 'unplaced'>> = {}) {
    super(message)
    this.workers = rest.workers ?? []
    this.unreachable = rest.unreachable ?? []
    this.unplaced = rest.unplaced ?? []
  }
}

/** The node has been stopped. */
export class NodeStoppedError extends MeshvisorError {
  override readonly name = 'NodeStoppedError'
  /** As of a `CallError`: true for an item that was in a chain when the node stopped. */
  readonly maybeExecuted: boolean

  constructor({ maybeExecuted = false }: ExecutionOptions = {}) {
    super('the node has been stopped: create another one')
    this.maybeExecuted = maybeExecuted
  }
}

/** A worker, group or chain did not start: its first start failed, or took too long. */
export class StartError extends MeshvisorError {
  override readonly name = 'StartError'
}

/** Something that was to stop has not stopped in time. */
export class StopError extends MeshvisorError {
  override readonly name = 'StopError'
}

/** Too few other nodes have confirmed that they know of what was declared. */
export class AckError extends MeshvisorError {
  override readonly name = 'AckError'
}

/** The same id was declared once more, and later, on another node or on this one: that declaration counts. */
export class SupersededError extends MeshvisorError {
  override readonly name = 'SupersededError'
  readonly id: string

  constructor(id: string) {
    super(
      `"${id}" was declared once more, and later, here or elsewhere: look at what runs now, or choose another id`,
    )
    this.id = id
  }
}

/** A worker that is in no group has asked for its own. */
export class NotInGroupError extends MeshvisorError {
  override readonly name = 'NotInGroupError'
  readonly worker: string

  constructor(worker: string) {
    super(`"${worker}" is not the member of a group: name the group, or declare the worker in one`)
    this.worker = worker
  }
}

/** No member of the group runs now. */
export class NoMemberError extends MeshvisorError {
  override readonly name = 'NoMemberError'
  readonly id: string

  constructor(id: string) {
    super(`no member of the group "${id}" runs now: wait until it does, or look at its status`)
    this.id = id
  }
}

/** A node of this name runs in this process already. */
export class AlreadyRunningError extends MeshvisorError {
  override readonly name = 'AlreadyRunningError'

  constructor(node: string) {
    super(`a node "${node}" runs in this process already: stop it first, or choose another name`)
  }
}

/** No node of this name runs in this process. */
export class NotRunningError extends MeshvisorError {
  override readonly name = 'NotRunningError'

  constructor(node: string) {
    super(
      `no node "${node}" runs in this process: wait until createNode({ name }) has resolved, or say in which cluster it is, getNode(name, cluster)`,
    )
  }
}

/** There is no file with a config. */
export class ConfigNotFoundError extends MeshvisorError {
  override readonly name = 'ConfigNotFoundError'

  constructor(path: string, options?: ErrorOptions) {
    super(
      `there is no config at ${path}: give the path of a module whose default export is defineConfig({ … })`,
      options,
    )
  }
}

/** A config that cannot be read, or does not start: `failures` says what, a line for each. */
export class ConfigError extends MeshvisorError {
  override readonly name = 'ConfigError'
  readonly failures: readonly string[]

  constructor(failures: readonly string[], options?: ErrorOptions) {
    super(`the config does not start:\n${failures.map(line => `  ${line}`).join('\n')}`, options)
    this.failures = failures
  }
}

/**
 * The worker is over, or another node has it: what its code still wants to do is refused, by its context
 * (`context.getWorker(…).call`, `context.sleep` …) and by the handles of a node that it has kept.
 */
export class FencedError extends MeshvisorError {
  override readonly name = 'FencedError'
}

/**
 * An item for which nobody can tell which worker it goes to: its stage goes by a key, and there is none; or the stage
 * has ended, with none left behind it, and a worker would have to run `onFinish`.
 */
export class RouteError extends MeshvisorError {
  override readonly name = 'RouteError'
}

/** An item that was tried in vain; the chain goes on without it. `cause` is the `Failure` of the last time. */
export class ItemDeadError extends MeshvisorError {
  override readonly name = 'ItemDeadError'
  /** As of a `CallError`: it has been tried. */
  readonly maybeExecuted = true
}

/** A group, chain or worker that restarted too often and is not started any more. */
export class GivenUpError extends MeshvisorError {
  override readonly name = 'GivenUpError'
  /** As of a `CallError`: true for an item that was in the chain when it was given up. */
  readonly maybeExecuted: boolean

  constructor(message: string, { maybeExecuted = false, ...options }: ErrorOptions & ExecutionOptions = {}) {
    super(message, options)
    this.maybeExecuted = maybeExecuted
  }
}
