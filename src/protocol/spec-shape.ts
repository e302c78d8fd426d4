// pure
/** The shape of what is declared, as it comes from outside: see `shape.ts`. */

import { type NodeId, type SpecId, isNodeId, isPlainId, isSpecId } from '../ids.ts'
import { type Hlc, MOMENTS_MAX, compareHlc } from './hlc.ts'
import { REMOVED_MAX, hasParts, partsOf } from './part-edits.ts'
import { PLACE_DIGITS_MAX } from './place.ts'
import type { PlacementWish, Sharing } from './placement-wish.ts'
import {
  type Shape,
  checked,
  either,
  isBoolean,
  listOf,
  literal,
  objectOf,
  oneOf,
  optional,
  recordOf,
  textOf,
  variantOf,
  whole,
} from './shape.ts'
import {
  AUTO_SHUTDOWNS,
  CHAIN_STRATEGIES,
  CHAIN_WORKERS_MAX,
  type ChildSpec,
  DESIRED_STATES,
  EMISSIONS,
  type Edits,
  GROUP_STRATEGIES,
  ISOLATIONS,
  type Limits,
  type MailboxLimits,
  type MemberBody,
  type Overtaken,
  ITEM_ERROR_POLICIES,
  REBALANCES,
  RESTART_TYPES,
  ROUTES,
  type RemovedPart,
  type RestartIntensity,
  type SpecBody,
  type SpecRow,
  STAGE_WORKERS_MAX,
  type StageBody,
} from './spec-row.ts'

const PARTS_MAX = 100_000

const PLACE = new RegExp(`^\\d{1,${PLACE_DIGITS_MAX}}$`)

const parts = <T>(item: Shape<T>): Shape<readonly T[]> => listOf(item, PARTS_MAX)
const count = whole(0)
const atLeastOne = whole(1)
const text = textOf(1024)
const place = checked('digits', (value): value is string => typeof value === 'string' && PLACE.test(value))
const bytes = checked('a number of bytes', value => value instanceof Uint8Array)

export const node = checked<NodeId>('the id of a node', isNodeId)
export const spec = checked<SpecId>('the id of a spec', isSpecId)
export const hlc: Shape<Hlc> = objectOf<Hlc>({ ms: count, count: whole(0, MOMENTS_MAX), node })

const intensity: Shape<RestartIntensity> = objectOf<RestartIntensity>({
  restarts: count,
  withinMs: count,
})

const placement: Shape<PlacementWish | undefined> = optional(
  objectOf<PlacementWish>({
    labels: recordOf(text, text),
    near: optional(text),
    pack: optional(text),
    spread: optional(text),
  }),
)

const sharing: Shape<Sharing> = either(isBoolean, literal('zones'))

const child: Shape<ChildSpec> = objectOf<ChildSpec>({
  behaviour: text,
  args: bytes,
  restart: oneOf(RESTART_TYPES),
  startTimeoutMs: count,
  stopTimeoutMs: count,
  isolation: oneOf(ISOLATIONS),
  limits: objectOf<Limits>({
    heapMb: optional(atLeastOne),
    heartbeatMs: atLeastOne,
  }),
  placement,
  mailbox: optional(objectOf<MailboxLimits>({ messages: count, bytes: count })),
})

/** It is part of the names of slots. */
const partId = checked('the id of a member or stage', isPlainId)

/** The fields of `PartBody`. */
const part = {
  id: partId,
  child,
  revision: count,
  isStopped: isBoolean,
  at: optional(hlc),
  place: optional(place),
}

const anyStages = parts(
  objectOf<StageBody>({
    ...part,
    workers: whole(1, STAGE_WORKERS_MAX),
    emission: oneOf(EMISSIONS),
    route: oneOf(ROUTES),
    onItemError: oneOf(ITEM_ERROR_POLICIES),
    queueItems: atLeastOne,
  }),
)

/** Each worker is a slot that all nodes place. */
const stages: Shape<readonly StageBody[]> = (value, flaw): value is readonly StageBody[] =>
  anyStages(value, flaw) &&
  (value.reduce((sum, { workers }) => sum + workers, 0) <= CHAIN_WORKERS_MAX ||
    flaw.want(`at most ${CHAIN_WORKERS_MAX} workers of all stages`))

const specBody: Shape<SpecBody> = variantOf<SpecBody>({
  worker: { child, intensity, rebalance: oneOf(REBALANCES) },
  group: {
    strategy: oneOf(GROUP_STRATEGIES),
    intensity,
    spread: sharing,
    placement,
    autoShutdown: oneOf(AUTO_SHUTDOWNS),
    revision: count,
    members: parts(objectOf<MemberBody>({ ...part, isSignificant: isBoolean })),
  },
  chain: {
    strategy: oneOf(CHAIN_STRATEGIES),
    intensity,
    spread: optional(sharing),
    placement,
    revision: count,
    stages,
    emission: oneOf(EMISSIONS),
    windowItems: atLeastOne,
    attemptsMax: atLeastOne,
    onFinish: optional(text),
  },
})

const edits: Shape<Edits> = objectOf<Edits>({
  declared: hlc,
  origin: optional(hlc),
  replaces: optional(hlc),
  content: optional(count),
  configContent: optional(count),
  desired: optional(hlc),
  renewed: optional(hlc),
  removed: listOf(objectOf<RemovedPart>({ id: partId, at: hlc }), REMOVED_MAX),
  forgotten: optional(hlc),
})

const anySpecRow: Shape<SpecRow> = objectOf<SpecRow>({
  id: spec,
  version: hlc,
  body: optional(specBody),
  desired: oneOf(DESIRED_STATES),
  content: optional(count),
  configContent: optional(count),
  removedContent: optional(count),
  replaces: optional(hlc),
  isUpheld: optional(isBoolean),
  overtaken: optional(objectOf<Overtaken>({ version: hlc, isRemoval: isBoolean, origin: optional(hlc) })),
  edits: optional(edits),
})

/**
 * Whatever was changed, was changed no later than the version says. So whoever writes a later version has the last word of
 * every part, also where the clock of who wrote this one was far ahead.
 */
export const specRow: Shape<SpecRow> = (value, flaw): value is SpecRow =>
  anySpecRow(value, flaw) && (isTimely(value) || flaw.want('nothing that is later than the version'))

function isTimely({ version, replaces, overtaken, body, edits: done }: SpecRow): boolean {
  const isEarlier = (at: Hlc | undefined): boolean => at === undefined || compareHlc(at, version) <= 0
  if (![replaces, overtaken?.version, overtaken?.origin].every(isEarlier)) return false
  if (hasParts(body) && !partsOf(body).every(({ at }) => isEarlier(at))) return false
  if (done === undefined) return true
  const moments = [done.declared, done.origin, done.replaces, done.desired, done.renewed, done.forgotten]
  return moments.every(isEarlier) && done.removed.every(({ at }) => isEarlier(at))
}
