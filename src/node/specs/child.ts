// pure
/** What all declared workers have in common: a behaviour, arguments, and how they start, stop and come back. */

import * as v from 'valibot'

import { PayloadError } from '../../errors.ts'
import { ID_LENGTH_MAX, isPlainId } from '../../ids.ts'
import { encodePayload } from '../../payload.ts'
import {
  type ChildSpec,
  ISOLATIONS,
  type Isolation,
  type Limits,
  type MailboxLimits,
  RESTART_TYPES,
  type RestartIntensity,
  type RestartType,
} from '../../protocol/spec-row.ts'
import { STOP_MS } from '../../protocol/phase.ts'
import type { PlacementWish } from '../../protocol/placement-wish.ts'
import { type Breach, fieldOf, fields, oneOf, whole } from '../check.ts'
import { listOf } from '../list-schema.ts'
import { MAILBOX_LIMITS } from '../messaging/mailbox.ts'
import { INTENSITY_DEFAULT } from '../supervision/restart-policy.ts'
import { checkBy } from '../workers/schema.ts'
import { type Behaviour, type Server, type Task, behaviourId, isBehaviour } from '../workers/behaviours.ts'
import { type PlacementOption, placement } from './placement-option.ts'

/** What can run outside of a chain. */
export type Process = Server<readonly unknown[], object, object> | Task<readonly unknown[], never>

/** The arguments that a worker with behaviour `B` is started with. */
export type ArgsOf<B> =
  B extends Server<infer Args, object, object>
    ? Args
    : B extends Task<infer Args, never>
      ? Args
      : readonly unknown[]

/** `args` may be left out where there need be none, and where nothing is known of them. */
export type WithArgs<B> =
  ArgsOf<B> extends readonly []
    ? { readonly args?: readonly never[] }
    : readonly unknown[] extends ArgsOf<B>
      ? { readonly args?: readonly unknown[] }
      : readonly [] extends Readonly<ArgsOf<B>>
        ? { readonly args?: Readonly<ArgsOf<B>> }
        : { readonly args: Readonly<ArgsOf<B>> }

/** How a worker starts, stops and comes back. */
export interface WorkerOptions {
  /** @default 'permanent' */
  readonly restart?: RestartType
  /**
   * How long it may take to start; then it is given up at once: killed in a thread or process, abandoned inline.
   * @default 30_000
   */
  readonly startTimeoutMs?: number
  /**
   * How long it may take to stop before it is abandoned, its `handoff` included; 0: it is not asked, and hands over nothing.
   * At most a day. @default 5_000
   */
  readonly stopTimeoutMs?: number
  /**
   * Where its code runs. `inline`: in the thread of the node, thousands of them at no cost; a loop that never ends
   * holds up the node. `thread`: in a thread of its own, on another core; it can be killed. `process`: in a process
   * of its own, which also survives what ends a process. Both import the module of the behaviour, so that the node
   * must have it by its URL. One thread or process for each worker.
   * @default 'inline'
   */
  readonly isolation?: Isolation
  /** For threads and processes. */
  readonly limits?: LimitOptions
  /** Where it may live, and beside whom. @default on any node that can run it */
  readonly placement?: PlacementOption
  readonly mailbox?: MailboxOptions
}

export interface LimitOptions {
  /**
   * Megabytes of JavaScript heap, 8 to 65_536; buffers are not counted. One that needs more is killed.
   * @default what Node gives: a part of the memory of the machine
   */
  readonly heapMb?: number
  /**
   * One whose event loop is held up for longer is killed: a computation without an `await` must take less.
   * @default 30_000
   */
  readonly heartbeatMs?: number
}

/** How much may wait for a worker: what is more is refused with an `OverloadedError`, or dropped and told (`worker:overload`). */
export interface MailboxOptions {
  /** Calls, casts and messages: 1 to 1_000_000. @default 10_000 */
  readonly messages?: number
  /** All together, roughly; one message may always wait: 1 KiB to 1 GiB. @default 16 MiB */
  readonly bytes?: number
}

const MAILBOX_MESSAGES_MAX = 1_000_000
const MAILBOX_BYTES_MIN = 1024
const MAILBOX_BYTES_MAX = 1024 ** 3

/** Far more than a handler should compute without a pause, and soon enough for one that never ends. */
const HEARTBEAT_MS = 30_000
/** With less, V8 does not come up. */
const HEAP_MB_MIN = 8
const HEAP_MB_MAX = 65_536
/** With less, the usual hiccups of a busy machine would kill. */
const HEARTBEAT_MS_MIN = 100

/** Where the worker says nothing. */
const LIMITS_DEFAULT: Limits = { heartbeatMs: HEARTBEAT_MS }

export const START_TIMEOUT_MS = 30_000
const WAIT_MS_MAX = 24 * 60 * 60 * 1000

export const id = v.custom<string>(
  isPlainId,
  `1 to ${ID_LENGTH_MAX} printable characters, without "/" and without spaces around them`,
)

/** A server or task. */
export const processBehaviour = v.pipe(
  v.custom<Behaviour>(isBehaviour, 'a behaviour (defineServer or defineTask)'),
  v.check(({ kind }) => kind !== 'stage', 'a server or task: a stage needs a chain around it'),
)

export const intensity = v.pipe(
  v.optional(fields({ restarts: whole(0, 1_000), withinMs: whole(1, WAIT_MS_MAX) }), INTENSITY_DEFAULT),
  // One for all who say nothing, instead of a copy for each.
  v.transform(checked => (isDefaultIntensity(checked) ? INTENSITY_DEFAULT : checked)),
)

/** Arguments that can be sent: as they were given, and as they travel. */
export class SentArgs {
  readonly list: readonly unknown[]
  readonly bytes: Uint8Array

  constructor(list: readonly unknown[], bytes: Uint8Array) {
    this.list = list
    this.bytes = bytes
  }
}

/** Copies, as the encoded bytes are a part of a larger buffer: specs are kept for as long as their workers live. */
export const NO_ARGS = new SentArgs([], Uint8Array.from(encodePayload([])))

const sendable = v.pipe(
  v.optional(listOf(v.unknown(), 'arguments'), []),
  v.rawTransform(({ dataset, addIssue, NEVER }): SentArgs => {
    const list = dataset.value
    if (list.length === 0) return NO_ARGS
    const all = encoded(list)
    if (all instanceof Uint8Array) return new SentArgs(list, Uint8Array.from(all))
    const bad = [...list.entries()].filter(([, value]) => !(encoded(value) instanceof Uint8Array))
    for (const [key, value] of bad) {
      const reason = encoded(value)
      const path: [v.UnknownPathItem] = [{ type: 'unknown', origin: 'value', input: list, key, value }]
      addIssue({ input: value, message: `what can be sent (${String(reason)})`, path })
    }
    if (bad.length === 0) addIssue({ input: list, message: `arguments that can be sent (${all})` })
    return NEVER
  }),
)

/** The bytes of a value, or why there are none. */
function encoded(value: unknown): Uint8Array | string {
  try {
    return encodePayload(value)
  } catch (error) {
    if (error instanceof PayloadError) return error.message
    throw error
  }
}

/** The fields of `WorkerOptions`, and the arguments. */
export const child = {
  args: sendable,
  restart: v.optional(oneOf(RESTART_TYPES), 'permanent'),
  startTimeoutMs: v.optional(whole(1, WAIT_MS_MAX), START_TIMEOUT_MS),
  stopTimeoutMs: v.optional(whole(0, WAIT_MS_MAX), STOP_MS),
  isolation: v.optional(oneOf(ISOLATIONS), 'inline'),
  limits: v.pipe(
    v.optional(
      fields({
        heapMb: v.optional(whole(HEAP_MB_MIN, HEAP_MB_MAX)),
        heartbeatMs: v.optional(whole(HEARTBEAT_MS_MIN, WAIT_MS_MAX), HEARTBEAT_MS),
      }),
      LIMITS_DEFAULT,
    ),
    v.transform(checked => (isDefaultLimits(checked) ? LIMITS_DEFAULT : checked)),
  ),
  placement,
  mailbox: v.optional(
    fields({
      messages: v.optional(whole(1, MAILBOX_MESSAGES_MAX), MAILBOX_LIMITS.messages),
      bytes: v.optional(whole(MAILBOX_BYTES_MIN, MAILBOX_BYTES_MAX), MAILBOX_LIMITS.bytes),
    }),
  ),
}

/** A rule: the arguments are what the behaviour wants, as far as it says so. One that needs its time is asked where the worker starts. */
export function unfitArgs(spec: unknown): Breach[] {
  const run = fieldOf(spec, 'run')
  const args = fieldOf(spec, 'args')
  if (!isBehaviour(run) || !(args instanceof SentArgs)) return []
  const schema = run.kind === 'server' ? run.input.init : run.kind === 'task' ? run.input.args : undefined
  const checked = schema && checkBy(schema, args.list)
  if (checked === undefined || !('kind' in checked) || checked.kind === 'fit') return []
  return checked.issues.map(({ path, message }) => {
    const index = /^\[(\d+)\]/.exec(path)?.[1]
    const found = index === undefined ? args.list : args.list[Number(index)]
    return { path: [`args${path}`], found, wanted: `what "${run.name}" is started with: ${message}` }
  })
}

/** A checked worker as its supervisor sees it. */
export function childOf(checked: {
  readonly run: Behaviour
  readonly args: SentArgs
  readonly restart: RestartType
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
  readonly isolation: Isolation
  readonly limits: Limits
  readonly placement?: PlacementWish | undefined
  readonly mailbox?: MailboxLimits | undefined
}): ChildSpec {
  const { run, args, restart, startTimeoutMs, stopTimeoutMs, isolation, limits, placement: wish } = checked
  return {
    behaviour: behaviourId(run),
    args: args.bytes,
    restart,
    startTimeoutMs,
    stopTimeoutMs,
    isolation,
    limits,
    ...(wish === undefined ? {} : { placement: wish }),
    ...(checked.mailbox === undefined ? {} : { mailbox: checked.mailbox }),
  }
}

function isDefaultIntensity({ restarts, withinMs }: RestartIntensity): boolean {
  return restarts === INTENSITY_DEFAULT.restarts && withinMs === INTENSITY_DEFAULT.withinMs
}

function isDefaultLimits({ heapMb, heartbeatMs }: Limits): boolean {
  return heapMb === undefined && heartbeatMs === HEARTBEAT_MS
}
