// pure
/** The names of things in a mesh: branded strings, so that one kind is never taken for another. */

import { assert } from './assert.ts'
import { byCodeUnits } from './text-order.ts'

declare const brand: unique symbol

/** A node: its libp2p peer id, the same for every run that uses the same key. */
export type NodeId = string & { readonly [brand]: 'NodeId' }

/** A declared worker, group or chain. One namespace: an id names one thing in the whole mesh. */
export type SpecId = string & { readonly [brand]: 'SpecId' }

/**
 * A place that one worker fills: `hits` (standalone), `line/log` (member `log` of group `line`),
 * `words/tokenize/0` (first worker of stage `tokenize` of chain `words`).
 */
export type SlotId = string & { readonly [brand]: 'SlotId' }

/** One run of a node as a member. What is owned, is owned by a run, so a restarted node owns nothing. */
export interface Run {
  readonly id: NodeId
  /** Milliseconds since 1970 at the start of the run, or more: larger than of every earlier run. */
  readonly boot: number
}

/** The longest id that a user may give. */
export const ID_LENGTH_MAX = 128

const PRINTABLE_WITHOUT_SLASH = /^[^/\p{C}\p{Zl}\p{Zp}]+$/u

/** Whether `text` can name a worker, group, chain, member or stage: 1 to 128 printable characters, no slash. */
export function isPlainId(text: unknown): text is string {
  return typeof text === 'string' && (isSimple(text) || isUnusual(text))
}

/** The bounds of what is written without an accent, and needs no regular expression, which takes ten times as long. */
const SIMPLE_MIN = 0x21
const SIMPLE_MAX = 0x7e
const SLASH = 0x2f

/** Most ids are: letters, digits and signs that are in ASCII. */
function isSimple(text: string): boolean {
  const { length } = text
  if (length === 0 || length > ID_LENGTH_MAX) return false
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code < SIMPLE_MIN || code > SIMPLE_MAX || code === SLASH) return false
  }
  return true
}

function isUnusual(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= ID_LENGTH_MAX &&
    text.trim() === text &&
    PRINTABLE_WITHOUT_SLASH.test(text)
  )
}

export function isNodeId(text: unknown): text is NodeId {
  return typeof text === 'string' && text.length > 0 && text.length <= ID_LENGTH_MAX
}

export function isSpecId(text: unknown): text is SpecId {
  return isPlainId(text)
}

export function isSlotId(text: unknown): text is SlotId {
  if (typeof text !== 'string') return false
  let start = 0
  for (let part = 0; part < 3; part++) {
    const end = text.indexOf('/', start)
    if (!isPlainId(end < 0 ? text.slice(start) : text.slice(start, end))) return false
    if (end < 0) return true
    start = end + 1
  }
  return false
}

/** Takes `text` as the id of a node. @throws {AssertionError} when it is none */
export function nodeId(text: string): NodeId {
  assert(isNodeId(text), `"${text}" is not a node id`)
  return text
}

/** Takes `text` as the id of a spec. @throws {AssertionError} when it is none: check user input before */
export function specId(text: string): SpecId {
  assert(isSpecId(text), `"${text}" is not a spec id`)
  return text
}

/** The slot of a standalone worker (no `parts`), of a group's member or of a stage's n-th worker. */
export function slotId(spec: SpecId, ...parts: (string | number)[]): SlotId {
  if (parts.length === 0 && isWholeSlot(spec)) return spec
  const text = [spec, ...parts].join('/')
  assert(isSlotId(text), `"${text}" is not a slot id`)
  return text
}

/** The spec that a slot belongs to. */
export function specOfSlot(slot: SlotId): SpecId {
  const end = slot.indexOf('/')
  const text = end < 0 ? slot : slot.slice(0, end)
  assert(isSpecPart(text), 'a slot id without a spec')
  return text
}

// What was looked at when it became an id needs no second look: with each crash, there are very many.

function isWholeSlot(spec: string): spec is SlotId {
  return spec.length > 0
}

function isSpecPart(part: string): part is SpecId {
  return part.length > 0
}

export function isSameRun(a: Run, b: Run): boolean {
  return a.id === b.id && a.boot === b.boot
}

/** Any order does that is the same everywhere. */
export function compareRuns(a: Run, b: Run): number {
  return byCodeUnits(a.id, b.id) || a.boot - b.boot
}
