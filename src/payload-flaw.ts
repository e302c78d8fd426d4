// pure
/**
 * What is wrong with bytes that should be a payload, told before anything is made of them. The decoder reads more than
 * the encoder writes, some of it again and again, and makes a kilobyte of memory of four bytes: so the bytes are walked
 * once, by the grammar of MessagePack, and what they would become is weighed.
 */

/** How much may come of bytes, and of what kind. */
export interface PayloadLimits {
  /** Fewer bytes are not looked at. */
  readonly freeBytes: number
  /** A number, a text and the name of a field weigh one each; what takes more time or memory weighs more. */
  readonly weightMax: number
  /** So many lists and objects may be within each other, `DEPTH_MAX` at most. */
  readonly depthMax: number
  readonly extensions: Extensions
}

/** What there may be besides plain objects, lists, texts, numbers and bytes, by the type code of MessagePack. */
export type Extensions = Readonly<Record<number, Extension>>

export interface Extension {
  /** What it is made of: its own bytes, nothing at all, or what follows it, which is a list, two texts in a list, or anything. */
  readonly of: 'bytes' | 'nothing' | 'list' | 'texts' | 'anything'
  /** Besides what follows. */
  readonly weight: number
}

/** Undefined, and bytes, which are mostly written as a typed array: of nothing else is what nodes tell each other. */
export const PLAIN: Extensions = { 0x00: { of: 'nothing', weight: 0 }, 0x74: { of: 'bytes', weight: 16 } }

/** What is deeper can neither be written nor read: the stack of the engine ends before. */
export const DEPTH_MAX = 10_000

/** A list or an object takes 40 to 70 bytes of memory, a number in a list eight. */
const CONTAINER_WEIGHT = 3
/** Bytes take 200 besides themselves, and a third of a microsecond: ten times as long as a number. */
const BYTES_WEIGHT = 8
/** For each byte of a regular expression: the engine takes 40 µs for a class of letters, which is written in six bytes. */
const PATTERN_WEIGHT = 128

/** No byte adds more. */
export const BYTE_WEIGHT_MAX = PATTERN_WEIGHT

/** Of what a list or an object is: of anything, or of names with anything behind each. */
const ANYTHING = 0
const FIELDS = 1

/** The lists and objects around the one that is read: how many parts or fields of each are still to come. */
const outerCounts = new Uint32Array(DEPTH_MAX)
const outerKinds = new Uint8Array(DEPTH_MAX)

const CUT_OFF = 'they end too early'
const TOO_MUCH = 'more would come of them than is put up with'
const STRANGE =
  'there is something in them that nobody writes here, as might be a record, a map or an error in it'

/**
 * Why the bytes from `start` to `end` are no payload within the limits; undefined: they are one. Takes a few nanoseconds
 * for each value, and makes none.
 */
export function findPayloadFlaw(
  bytes: Uint8Array,
  start: number,
  end: number,
  { freeBytes, weightMax, depthMax, extensions }: PayloadLimits,
): string | undefined {
  if (end - start < freeBytes) return undefined
  let at = start
  let weight = 1
  let depth = 0
  let count = 1
  let isOfFields = false
  for (;;) {
    while (count === 0) {
      if (depth === 0) return whereEnded(at, end)
      depth -= 1
      count = outerCounts[depth] ?? 0
      isOfFields = outerKinds[depth] === FIELDS
    }
    count -= 1
    if (isOfFields) {
      const token = bytes[at] ?? 0
      at = (token & 0xe0) === 0xa0 ? at + 1 + (token & 0x1f) : textEnd(bytes, at)
      if (at === 0) return 'the name of a field is no text'
    }
    if (at >= end) return CUT_OFF
    const token = bytes[at] ?? 0
    const size = SIZES[token] ?? 0
    if (size !== 0) {
      at += size
      continue
    }
    outerCounts[depth] = count
    outerKinds[depth] = isOfFields ? FIELDS : ANYTHING
    if (isContainer(token)) {
      count = lengthAt(bytes, at, token)
      isOfFields = token < 0x90 || token >= 0xde
      at += 1 + widthOf(token)
      const parts = isOfFields ? 2 * count : count
      if (parts > end - at) return CUT_OFF
      weight += parts + CONTAINER_WEIGHT
      depth += 1
    } else if (isExtension(token)) {
      const extension = extensions[bytes[at + 1 + widthOf(token)] ?? 0]
      const body = at + 2 + widthOf(token) + lengthAt(bytes, at, token)
      const next = extension === undefined ? 0 : extensionEnd(bytes, body, token, extension)
      if (extension === undefined || next === 0) return STRANGE
      weight += extension.weight + PATTERN_WEIGHT * (next - body)
      at = next
      if (extension.of === 'list' || extension.of === 'anything') {
        depth += 1
        count = 1
        isOfFields = false
      }
    } else {
      if (token === UNUSED) return STRANGE
      at += 1 + widthOf(token) + lengthAt(bytes, at, token)
      if (isBytes(token)) weight += BYTES_WEIGHT
    }
    if (weight > weightMax) return TOO_MUCH
    if (depth > depthMax) return `they are nested more than ${depthMax} levels deep`
  }
}

function whereEnded(at: number, end: number): string | undefined {
  if (at > end) return CUT_OFF
  return at < end ? 'they go on behind their end' : undefined
}

/** Nobody writes it: MessagePack has no use for it. */
const UNUSED = 0xc1
/** Of one byte, as what is read from what follows is told by. */
const EXTENSION_OF_ONE = 0xd4
const LIST_OF_TWO = 0x92

function isContainer(token: number): boolean {
  return token < 0xa0 || token >= 0xdc
}

function isBytes(token: number): boolean {
  return token >= 0xc4 && token <= 0xc6
}

function isExtension(token: number): boolean {
  return (token >= 0xc7 && token <= 0xc9) || (token >= 0xd4 && token <= 0xd8)
}

/** How many bytes tell the length. */
const WIDTHS = tableOf([
  [1, 0xc4, 0xc7, 0xd9],
  [2, 0xc5, 0xc8, 0xda, 0xdc, 0xde],
  [4, 0xc6, 0xc9, 0xdb, 0xdd, 0xdf],
])

/** The length of what does not tell it: numbers, and extensions of a fixed one. */
const LENGTHS = tableOf([
  [1, 0xcc, 0xd0, 0xd4],
  [2, 0xcd, 0xd1, 0xd5],
  [4, 0xca, 0xce, 0xd2, 0xd6],
  [8, 0xcb, 0xcf, 0xd3, 0xd7],
  [16, 0xd8],
])

/** How many bytes there are in all, by the first one, of what is always of as many: short texts, numbers and the like. 0: of all else. */
const SIZES = Uint8Array.from({ length: 0x100 }, (_, token) => {
  if (token < 0x80 || token >= 0xe0) return 1
  if (isContainer(token) || isExtension(token) || widthOf(token) > 0 || token === UNUSED) return 0
  return token < 0xc0 ? 1 + (token & 0x1f) : 1 + (LENGTHS[token & 0x1f] ?? 0)
})

/** By the first byte, from 0xc0 on; 0 for all that are not named. */
function tableOf(groups: readonly (readonly number[])[]): Uint8Array {
  const table = new Uint8Array(0x20)
  for (const [entry = 0, ...tokens] of groups) for (const token of tokens) table[token & 0x1f] = entry
  return table
}

function widthOf(token: number): number {
  return token < 0xc0 ? 0 : (WIDTHS[token & 0x1f] ?? 0)
}

/** How many bytes, or parts of a list, or fields, belong to what begins at `at`, behind its head. */
function lengthAt(bytes: Uint8Array, at: number, token: number): number {
  if (token < 0xc0) return token & 0x0f
  const width = widthOf(token)
  if (width === 0) return LENGTHS[token & 0x1f] ?? 0
  let length = 0
  for (let index = 1; index <= width; index++) length = length * 0x100 + (bytes[at + index] ?? 0)
  return length
}

/** Where the text ends that begins at `at`; 0: there is none. */
function textEnd(bytes: Uint8Array, at: number): number {
  const token = bytes[at] ?? 0
  if ((token & 0xe0) === 0xa0) return at + 1 + (token & 0x1f)
  return token >= 0xd9 && token <= 0xdb ? at + 1 + widthOf(token) + lengthAt(bytes, at, token) : 0
}

/** Where an extension ends whose own bytes end at `at`, but for a list or anything else that follows; 0: it is none. */
function extensionEnd(bytes: Uint8Array, at: number, token: number, { of }: Extension): number {
  if (of === 'bytes') return at
  if (token !== EXTENSION_OF_ONE) return 0
  const next = bytes[at] ?? 0
  if (of === 'list') return (next & 0xf0) === 0x90 || next === 0xdc || next === 0xdd ? at : 0
  if (of !== 'texts') return at
  const source = next === LIST_OF_TWO ? textEnd(bytes, at + 1) : 0
  return source === 0 ? 0 : textEnd(bytes, source)
}
