// pure
/**
 * What a worker does: a plain value, exported from a module that every node carries. State, arguments and results
 * are inferred; whoever has the type of a behaviour has typed handles to its workers, without the code.
 */

import { assert } from '../../assert.ts'
import type { Emission } from '../../protocol/spec-row.ts'
import { checkServer, checkStage, checkTask } from './definitions.ts'
import { type StandardSchema, isSchema } from './schema.ts'
import type { ServerContext, StageContext, TaskContext } from './context.ts'
import type { Idle, IdleOptions } from './idle-options.ts'

/** Where the types of a behaviour are kept. Nothing is there at run time. */
declare const types: unique symbol

/** A function whose types are known to the compiler only, not to the code that calls it. */
export type Callback = (...args: readonly unknown[]) => unknown

interface Named {
  readonly name: string
  /** Specs name `name@version`; a node runs only what it has in that version. */
  readonly version: string
}

/**
 * A step of a pipeline. `In` and `Out` are the items, `E` says how many of them come out for each. `Name` is that of a
 * stage in a chain that gives it no `id`.
 */
export interface Stage<
  in In,
  out Out,
  out E extends Emission = Emission,
  out Name extends string = string,
> extends Named {
  readonly kind: 'stage'
  readonly name: Name
  readonly emission: E
  readonly handle: Callback
  /** Tells the `Key` of an item, for stages that are routed by key. */
  readonly key: Callback | undefined
  /** What its items must be. */
  readonly input: StandardSchema | undefined
  readonly [types]?: { readonly take: (item: In) => void; readonly out: Out }
}

/** A GenServer: state that only it touches, and functions to call. */
export interface Server<out Args extends readonly unknown[], out Calls, out Casts> extends Named {
  readonly kind: 'server'
  readonly init: Callback
  readonly call: Readonly<Record<string, Callback>>
  readonly cast: Readonly<Record<string, Callback>>
  readonly info: Callback | undefined
  readonly idle: Idle | undefined
  readonly terminate: Callback | undefined
  readonly handoff: Callback | undefined
  readonly input: ServerSchemas
  readonly [types]?: { readonly args: Args; readonly calls: Calls; readonly casts: Casts }
}

/** What is checked of what comes in. */
export interface ServerSchemas {
  readonly init: StandardSchema | undefined
  readonly call: Readonly<Record<string, StandardSchema>>
  readonly cast: Readonly<Record<string, StandardSchema>>
  readonly info: StandardSchema | undefined
}

/** A function that runs by itself, with a mailbox to read from. */
export interface Task<out Args extends readonly unknown[], in Message> extends Named {
  readonly kind: 'task'
  readonly run: Callback
  readonly input: { readonly args: StandardSchema | undefined; readonly message: StandardSchema | undefined }
  readonly [types]?: { readonly args: Args; readonly take: (message: Message) => void }
}

/** Of a server that declares none. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- an object without functions is just that
export type NoFunctions = Record<never, never>

/** Any of the three, whatever its types. */
export type Behaviour =
  | Stage<never, unknown>
  | Server<readonly unknown[], object, object>
  | Task<readonly unknown[], never>

/** What a handler gives back for one item, as the next stage sees it. */
export type Emitted<R> =
  R extends AsyncGenerator<infer Out, unknown, unknown> ? Out : Exclude<Awaited<R>, undefined | void>

/** How many items a handler with this result gives back for one. */
export type EmissionOf<R> =
  R extends AsyncGenerator<unknown, unknown, unknown>
    ? 'many'
    : [Extract<Awaited<R>, undefined | void>] extends [never]
      ? 'one'
      : 'maybe'

export interface BehaviourOptions {
  /** To be raised when the same name means something else. @default '1' */
  readonly version?: string
}

/** What items are told apart by: equal keys go to the same worker. `1` and `'1'` are two keys. */
export type Key = string | number | bigint | boolean

export interface StageOptions<In> extends BehaviourOptions {
  /**
   * The key of an item, for chains that route this stage by key. Runs where the item comes from; a throw there is an
   * error of the sender, or of the stage before.
   */
  readonly key?: (item: In) => Key
  /** Checks every item before the stage sees it, at once. One that is refused is dead: see `ChainRef.deadLetters`. */
  readonly input?: StandardSchema<In>
}

/**
 * Declares a stage: one item in, one item out.
 * - `undefined` drops the item,
 * - an async generator (`async function*`) emits any number,
 * - a throw is a crash: the chain restarts, and the item is tried again; see `StageSpec.onItemError` for other ways.
 *
 * Items are shared with the sender where both run on one node: do not change what you are given.
 *
 * @throws {OptionsError} naming every bad field: a name, a function, an option
 * @example
 * const tokenize = defineStage('tokenize', async function* (line: string) {
 *   yield* line.split(' ')
 * })
 */
export function defineStage<In, R, const Name extends string = string>(
  name: Name,
  handle: (item: In, context: StageContext) => R,
  options?: StageOptions<NoInfer<In>>,
): Stage<In, Emitted<R>, EmissionOf<R>, Name>
export function defineStage(
  name: string,
  handle: (item: never, context: StageContext) => unknown,
  options: Omit<StageOptions<never>, 'input'> & { readonly input?: unknown } = {},
): Stage<never, unknown> {
  checkStage(name, handle, options)
  return {
    kind: 'stage',
    ...named(name, options),
    emission: isGeneratorFunction(handle) ? 'many' : 'maybe',
    handle: callback(handle),
    key: options.key === undefined ? undefined : callback(options.key),
    input: schema(options.input),
  }
}

/** A function of a server: the state first, then what the caller gives. */
type ServerFunction<State> = (state: State, ...args: never[]) => unknown

/** Schemas whose types nobody looks at any more. */
interface UntypedInput {
  readonly init?: unknown
  readonly call?: Readonly<Record<string, unknown>>
  readonly cast?: Readonly<Record<string, unknown>>
  readonly info?: unknown
}

/** A schema for the arguments of each function that wants one. */
export type SchemasOf<Functions> = {
  readonly [K in keyof Functions]?: StandardSchema<ArgumentsOf<Functions[K]>>
}

/** What a caller gives to a function of a server. */
export type ArgumentsOf<F> = F extends (state: never, ...args: infer Args) => unknown ? Args : never

/** Why a server ends: it is told to, it wants to (`context.stop`), or something has thrown. */
export type TerminateReason = 'stopped' | 'normal' | 'shutdown' | Error

/** The callbacks of a server with state `State`. */
export interface ServerSpec<Args extends unknown[], State, Calls, Casts> {
  /** Makes the state. A throw is an error of whoever adds the worker. */
  readonly init: (context: ServerContext, ...args: Args) => State | Promise<State>
  /** Functions with an answer: what they return, or what their promise resolves to. */
  readonly call?: Calls & { readonly [K in keyof Calls]: ServerFunction<NoInfer<State>> }
  /** Functions without an answer. */
  readonly cast?: Casts & { readonly [K in keyof Casts]: ServerFunction<NoInfer<State>> }
  /** Any other message: `send` and broadcasts. */
  readonly info?: (state: NoInfer<State>, message: unknown, context: ServerContext) => unknown
  /** What to do when nothing comes: for sessions that end by themselves, caches that are emptied. @default nothing */
  readonly idle?: IdleOptions<NoInfer<State>>
  /**
   * Runs when the worker ends, for whatever reason, within its stop time-out: the last chance to let go of things.
   * A thread or process that is killed does not come to it.
   */
  readonly terminate?: (state: NoInfer<State>, reason: TerminateReason, context: ServerContext) => unknown
  /**
   * What travels when the worker moves to another node: `init` gets it there as `context.handoff`. At most 1 MiB. Runs
   * before `terminate`, within the stop time-out of the worker. Where it throws, or gives what cannot be sent, the state
   * is lost, which the node warns of; casts and messages go along.
   */
  readonly handoff?: (state: NoInfer<State>, context: ServerContext) => unknown
  /**
   * Schemas for what comes in, each for the list of arguments: of `init`, of functions, and for messages. What they
   * refuse never gets to the server: a caller gets a `ValidationError`, a cast or message is dropped, with a warning
   * in the log. What they convert, arrives converted. Only `init` sees its
   * arguments on the node that declares, too: what is refused there is an `OptionsError` of whoever adds the worker.
   */
  readonly input?: {
    readonly init?: StandardSchema<NoInfer<Args>>
    readonly call?: SchemasOf<NoInfer<Calls>>
    readonly cast?: SchemasOf<NoInfer<Casts>>
    readonly info?: StandardSchema
  }
}

/**
 * Declares a server: a worker with state that handles one message at a time, in the order of arrival.
 * State is changed in place. A throw in a call or cast is a crash: the caller gets a `RemoteError`, the worker restarts.
 *
 * @throws {OptionsError} naming every bad field: a name, a function, an option
 * @example
 * const counter = defineServer('counter', {
 *   init: (_context, start: number) => ({ total: start }),
 *   call: { add: (state, by: number) => (state.total += by) },
 *   cast: { reset: state => { state.total = 0 } },
 * })
 */
export function defineServer<
  Args extends unknown[],
  State,
  Calls extends Record<string, ServerFunction<never>> = NoFunctions,
  Casts extends Record<string, ServerFunction<never>> = NoFunctions,
>(
  name: string,
  spec: ServerSpec<Args, State, Calls, Casts>,
  options?: BehaviourOptions,
): Server<Args, Calls, Casts>
export function defineServer(
  name: string,
  spec: Omit<
    ServerSpec<never[], never, Record<string, ServerFunction<never>>, Record<string, ServerFunction<never>>>,
    'input'
  > & { readonly input?: UntypedInput },
  options: BehaviourOptions = {},
): Server<never[], object, object> {
  checkServer(name, spec, options)
  return {
    kind: 'server',
    ...named(name, options),
    init: callback(spec.init),
    call: callbacks(spec.call),
    cast: callbacks(spec.cast),
    info: spec.info === undefined ? undefined : callback(spec.info),
    idle: spec.idle && { ...spec.idle, handle: callback(spec.idle.handle) },
    terminate: spec.terminate === undefined ? undefined : callback(spec.terminate),
    handoff: spec.handoff === undefined ? undefined : callback(spec.handoff),
    input: {
      init: schema(spec.input?.init),
      call: schemas(spec.input?.call),
      cast: schemas(spec.input?.cast),
      info: schema(spec.input?.info),
    },
  }
}

export interface TaskOptions<Args, Message> extends BehaviourOptions {
  /** Schemas for the list of arguments, and for each message: see `ServerSpec.input`. */
  readonly input?: { readonly args?: StandardSchema<Args>; readonly message?: StandardSchema<Message> }
}

/**
 * Declares a task: a function that runs until it returns. Messages sent to the worker arrive in `context.messages`;
 * `context.signal` aborts when the worker is told to stop.
 *
 * @throws {OptionsError} naming every bad field: a name, a function, an option
 * @example
 * const poller = defineTask('poller', async (context: TaskContext<{ url: string }>) => {
 *   for await (const { url } of context.messages) context.log.info({ url }, 'polled')
 * })
 */
export function defineTask<Args extends unknown[], Message = unknown>(
  name: string,
  run: (context: TaskContext<Message>, ...args: Args) => unknown,
  options?: TaskOptions<NoInfer<Args>, NoInfer<Message>>,
): Task<Args, Message>
export function defineTask(
  name: string,
  run: (context: TaskContext<never>, ...args: never[]) => unknown,
  options: BehaviourOptions & {
    readonly input?: { readonly args?: unknown; readonly message?: unknown }
  } = {},
): Task<never[], never> {
  checkTask(name, run, options)
  const { args, message } = options.input ?? {}
  const input = { args: schema(args), message: schema(message) }
  return { kind: 'task', ...named(name, options), run: callback(run), input }
}

/** Whether something exported from a module is a behaviour. */
export function isBehaviour(value: unknown): value is Behaviour {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('name' in value)) return false
  const kinds: unknown[] = ['stage', 'server', 'task']
  return kinds.includes(value.kind) && typeof value.name === 'string' && 'version' in value
}

const ids = new WeakMap<Named, string>()

/** How a spec names the behaviour. One text for all specs that do: there may be very many. */
export function behaviourId(behaviour: Named): string {
  const known = ids.get(behaviour)
  if (known !== undefined) return known
  const id = `${behaviour.name}@${behaviour.version}`
  ids.set(behaviour, id)
  return id
}

function named(name: string, options: BehaviourOptions): Named {
  return { name, version: options.version ?? '1' }
}

function callbacks(functions: Readonly<Record<string, unknown>> | undefined): Record<string, Callback> {
  return Object.fromEntries(Object.entries(functions ?? {}).map(([name, fn]) => [name, callback(fn)]))
}

function schemas(by: Readonly<Record<string, unknown>> | undefined): Record<string, StandardSchema> {
  const entries = Object.entries(by ?? {}).flatMap(([name, value]) => {
    const found = schema(value)
    return found === undefined ? [] : [[name, found] as const]
  })
  return Object.fromEntries(entries)
}

function schema(value: unknown): StandardSchema | undefined {
  return isSchema(value) ? value : undefined
}

/** Forgets the types of a function: those who call it know them, and this code does not need to. */
function callback(fn: unknown): Callback {
  assert(isCallback(fn), 'what is no function has been refused before')
  return fn
}

function isCallback(fn: unknown): fn is Callback {
  return typeof fn === 'function'
}

function isGeneratorFunction(fn: object): boolean {
  return Object.prototype.toString.call(fn) === '[object AsyncGeneratorFunction]'
}
