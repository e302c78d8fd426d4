// pure
/**
 * User data as bytes: MessagePack with the types of the structured clone algorithm (Map, Set, Date, typed arrays,
 * BigInt, Error, undefined). Class instances arrive as plain objects; functions, symbols and cycles are refused.
 */

import { Packr, addExtension } from 'msgpackr'

import { PayloadError } from './errors.ts'
import { BYTE_WEIGHT_MAX, DEPTH_MAX, PLAIN, type PayloadLimits, findPayloadFlaw } from './payload-flaw.ts'

/** No item, argument list or message may be larger. */
export const PAYLOAD_BYTES_MAX = 4 * 1024 * 1024

/**
 * Payloads that are smaller are read at once: to look at them first would take a third as long as that. The worst that
 * such a one can do takes no longer, byte for byte, than what a large one may consist of.
 */
const FREE_BYTES = 1024

/**
 * Numbers may fill a payload, however short they are, and so may objects that have anything in them; of lists
 * of two numbers there may be 700,000. The worst that may be takes less than a second, and 150 MB.
 */
export const PAYLOAD_WEIGHT_MAX = PAYLOAD_BYTES_MAX

/**
 * The bytes of `value`. They are not copied: whoever keeps them, keeps a part of a shared buffer.
 * @throws {PayloadError} when it holds a function, a symbol or a cycle, is too large, or has too many parts to be read
 */
export function encodePayload(value: unknown): Uint8Array {
  const bytes = pack(value)
  if (bytes.length > PAYLOAD_BYTES_MAX) {
    throw new PayloadError(
      `the payload has ${bytes.length} bytes, the limit is ${PAYLOAD_BYTES_MAX}: send it in pieces, or send where it is kept`,
    )
  }
  const mayBeTooMuch = bytes.length * BYTE_WEIGHT_MAX > PAYLOAD_WEIGHT_MAX
  // Whoever was sent it would hang up.
  if (mayBeTooMuch && isTooMuch(bytes, PAYLOAD_LIMITS)) {
    throw new PayloadError(
      'the payload is of too many parts, or of too long regular expressions: send it in pieces, and large lists of numbers as typed arrays',
    )
  }
  return bytes
}

/** Whether bytes of `encodeUnbounded` would be refused for what comes of them. */
export function isTooMuch(bytes: Uint8Array, limits: PayloadLimits): boolean {
  return findPayloadFlaw(bytes, 0, bytes.length, limits) !== undefined
}

/** The same of what nodes tell each other, whatever its size: whoever sends it has a limit of its own. */
export function encodeUnbounded(value: unknown): Uint8Array {
  return pack(value)
}

/** A header of the longest kind: one byte for the type, four for the length. */
const HEADER_BYTES = 5
/** A number takes one byte for its type, and eight, also a BigInt of 64 bits. Whatever else has no length takes less. */
const SCALAR_BYTES = 9
/** A character of a text takes no more, in UTF-8. */
const CHARACTER_BYTES = 3

/**
 * What `encodeUnbounded` makes of it is no larger. Takes a fraction of the time, and exact is not what is wanted where
 * it is far from every limit. Infinite for what is not made of plain objects, lists, texts, numbers and bytes, and for a BigInt of more than 64 bits.
 */
export function payloadBytesMax(value: unknown): number {
  if (typeof value === 'string') return HEADER_BYTES + CHARACTER_BYTES * value.length
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? SCALAR_BYTES : Infinity
  if (typeof value !== 'object' || value === null) return SCALAR_BYTES
  let bytes = HEADER_BYTES
  if (Array.isArray(value)) {
    for (const item of value) bytes += payloadBytesMax(item)
    return bytes
  }
  if (!isPlain(value)) return value instanceof Uint8Array ? bytes + value.length : Infinity
  for (const key in value) bytes += HEADER_BYTES + CHARACTER_BYTES * key.length + payloadBytesMax(value[key])
  return bytes
}

function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  return Object.getPrototypeOf(value) === Object.prototype
}

/** @throws {PayloadError} when the bytes are no payload, or more would come of them than the limits allow */
export function decodePayload(bytes: Uint8Array, limits: PayloadLimits = PAYLOAD_LIMITS): unknown {
  return decode(bytes, 0, bytes.length, limits)
}

/**
 * The payload between two places of a larger buffer: without a view of its own, which would cost as much as a small
 * payload itself.
 * @throws {PayloadError} when the bytes are no payload
 */
export function decodePart(bytes: Uint8Array, start: number, end: number): unknown {
  return decode(bytes, start, end, PAYLOAD_LIMITS)
}

function decode(bytes: Uint8Array, start: number, end: number, limits: PayloadLimits): unknown {
  const flaw = findPayloadFlaw(bytes, start, end, limits)
  if (flaw !== undefined) throw new PayloadError(`${end - start} bytes that are no payload: ${flaw}`)
  part.start = start
  part.end = end
  try {
    const value: unknown = packr.unpack(bytes, part)
    return value
  } catch (cause) {
    throw new PayloadError(`${end - start} bytes that are no payload`, { cause })
  }
}

const part = { start: 0, end: 0 }

const PACK_BUFFER_BYTES = 32 * 1024

/** The type code of a Map within MessagePack's range for applications: "M". */
const MAP_EXTENSION = 0x4d

/** A Map on its way. msgpackr writes a bare one like an object, and reads it back as one. */
class MapEnvelope {
  readonly entries: readonly unknown[]

  constructor(entries: readonly unknown[]) {
    this.entries = entries
  }
}

addExtension({
  Class: MapEnvelope,
  type: MAP_EXTENSION,
  write: (envelope: MapEnvelope) => envelope.entries,
  read: (entries: [unknown, unknown][]) => new Map(entries),
})

// One of a class of its own: msgpackr takes it for a plain object, which has nothing in it. A bare one does not come here.
addExtension({
  Class: Map,
  type: MAP_EXTENSION,
  write: entriesOf,
  read: (entries: [unknown, unknown][]) => new Map(entries),
})

/** Its class may iterate over it in a way of its own, which nobody could read. */
function entriesOf(map: ReadonlyMap<unknown, unknown>): [unknown, unknown][] {
  return [...Map.prototype.entries.call(map)]
}

/** The type code of a `Float16Array`: "F". msgpackr does not know it. */
const FLOAT16_EXTENSION = 0x46

// Older ones of Node do not have it, and are told so by `createNode`.
if (globalThis.Float16Array !== undefined)
  addExtension({
    Class: Float16Array,
    type: FLOAT16_EXTENSION,
    write: ({ buffer, byteOffset, byteLength }: Float16Array) =>
      new Uint8Array(buffer, byteOffset, byteLength),
    read: (bytes: unknown) => {
      if (!(bytes instanceof Uint8Array)) throw new PayloadError('a Float16Array that is made of no bytes')
      return new Float16Array(new Uint8Array(bytes).buffer)
    },
  })

interface TypedArrayClass {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView
}

const TYPED_ARRAYS: readonly TypedArrayClass[] = [
  Uint8Array,
  Float64Array,
  Float32Array,
  ...(globalThis.Float16Array === undefined ? [] : [Float16Array]),
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8ClampedArray,
]

/** What a typed array of a class of its own extends. */
function findBase(value: unknown): TypedArrayClass | undefined {
  if (!ArrayBuffer.isView(value) || value.constructor === Buffer) return undefined
  const base = TYPED_ARRAYS.find(each => value instanceof each)
  return value.constructor === base ? undefined : base
}

// msgpackr goes by the name of the class, and writes one that it does not know so that nobody can read it.
addExtension({
  Class: Object.defineProperty((): void => {}, Symbol.hasInstance, {
    value: (value: unknown) => findBase(value) !== undefined,
  }),
  write: (value: ArrayBufferView) => {
    const base = findBase(value)
    return base && new base(value.buffer, value.byteOffset, value.byteLength / base.BYTES_PER_ELEMENT)
  },
})

/** The type code that msgpackr writes an error with: "e". */
const ERROR_EXTENSION = 0x65
const ERRORS: ReadonlyMap<string, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(each => [
    each.name,
    each,
  ]),
)

// Read as msgpackr does, but for a cause that there was not: it gives each error one of its own, which is undefined.
addExtension({
  type: ERROR_EXTENSION,
  read: ([name, message, cause]: [string, unknown, unknown]) => {
    const Class = ERRORS.get(name)
    const error = withoutStack(
      () => new (Class ?? Error)(textOf(message), cause === undefined ? undefined : { cause }),
    )
    return Class === undefined ? Object.assign(error, { name }) : error
  },
})

/** The type code of an `AggregateError`: "A". msgpackr writes it as any error, and then takes its message for its list. */
const AGGREGATE_EXTENSION = 0x41

addExtension({
  Class: AggregateError,
  type: AGGREGATE_EXTENSION,
  write: ({ name, message, cause, errors }: AggregateError) => [
    name,
    message,
    cause,
    Array.isArray(errors) ? errors : [],
  ],
  read: ([name, message, cause, errors]: [string, unknown, unknown, unknown[]]) => {
    const error = withoutStack(
      () => new AggregateError(errors, textOf(message), cause === undefined ? undefined : { cause }),
    )
    if (name !== error.name) Object.defineProperty(error, 'name', { value: name, configurable: true })
    return error
  },
})

/** The stack would be the one of the decoder. To take it down takes thirty times as long as all the rest of an error. */
function withoutStack<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error
  // A program may have frozen it.
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }
}

/** A message is whatever its sender has put there; of some of that there is no text, and of a BigInt one that takes seconds. */
function textOf(message: unknown): string | undefined {
  if (message === undefined || typeof message === 'string') return message
  return typeof message === 'number' || typeof message === 'boolean' ? String(message) : ''
}

const MAP_FOUND = Symbol('map found')

/**
 * Records would make small payloads half as fast (measured: 0.9 µs instead of 0.4 µs), so that objects are written
 * with their keys. msgpackr asks for `mapAsEmptyObject` when it comes to a Map, and only then: the rare payload
 * with a Map in it is then walked and packed once more, and all others pay nothing.
 */
class PayloadPackr extends Packr {
  get mapAsEmptyObject(): boolean {
    throw MAP_FOUND
  }
}

/** In MessagePack as msgpackr writes it: a Set, a regular expression, a BigInt, a Date. */
const SET_EXTENSION = 0x73
const PATTERN_EXTENSION = 0x78
const BIGINT_EXTENSION = 0x42
const DATE_EXTENSION = 0xff

/**
 * What `encodePayload` writes. The decoder would read more: texts that stand elsewhere, which can be read again and again,
 * the shapes of objects, for which it compiles code, and parts that are other ones. The weights are what each takes,
 * measured beside a number in a list: 130 to 900 ns, and 200 to 500 bytes.
 */
export const PAYLOAD_LIMITS: PayloadLimits = {
  freeBytes: FREE_BYTES,
  weightMax: PAYLOAD_WEIGHT_MAX,
  depthMax: DEPTH_MAX,
  extensions: {
    ...PLAIN,
    [MAP_EXTENSION]: { of: 'list', weight: 8 },
    [SET_EXTENSION]: { of: 'list', weight: 8 },
    [DATE_EXTENSION]: { of: 'bytes', weight: 8 },
    [BIGINT_EXTENSION]: { of: 'bytes', weight: 8 },
    [FLOAT16_EXTENSION]: { of: 'anything', weight: 16 },
    [PATTERN_EXTENSION]: { of: 'texts', weight: 16 },
    [ERROR_EXTENSION]: { of: 'list', weight: 16 },
    [AGGREGATE_EXTENSION]: { of: 'list', weight: 16 },
  },
}

const packr = new PayloadPackr({
  useRecords: false,
  moreTypes: true,
  useToJSON: false,
  copyBuffers: true,
  // Read otherwise, too: a value that holds another one twice, 32 times over, would be walked four thousand million times.
  structuredClone: false,
  writeFunction: () => {
    throw new PayloadError('a function cannot be sent: send what it needs, and name a behaviour that has it')
  },
})

/** msgpackr packs into buffers of the size of the first one: each is shared by some hundred small payloads. */
packr.useBuffer(Buffer.allocUnsafeSlow(PACK_BUFFER_BYTES))

function pack(value: unknown): Uint8Array {
  try {
    return packr.pack(value)
  } catch (cause) {
    if (cause !== MAP_FOUND) throw refusal(cause)
  }
  try {
    return packr.pack(wrapMaps(value))
  } catch (cause) {
    throw refusal(cause)
  }
}

/** Why something cannot be sent at which `cause` was thrown, whatever that is: it may be thrown by what is to be sent. */
export function refusal(cause: unknown): PayloadError {
  try {
    return refusalOf(cause)
  } catch {
    return new PayloadError('the payload cannot be sent: it throws when one looks at it', { cause })
  }
}

function refusalOf(cause: unknown): PayloadError {
  if (cause instanceof PayloadError) return cause
  if (cause instanceof RangeError) {
    return new PayloadError('the payload contains itself, or is too deep', { cause })
  }
  return new PayloadError(`the payload cannot be sent: ${String(cause)}`, { cause })
}

function wrapMaps(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Map) {
    return new MapEnvelope(entriesOf(value).map(([key, entry]) => [wrapMaps(key), wrapMaps(entry)]))
  }
  if (Array.isArray(value)) return value.map(wrapMaps)
  if (value instanceof Set) return new Set([...value].map(wrapMaps))
  if (value instanceof Error) return wrapMapsOf(value)
  if (isOfOneValue(value)) return value
  // As msgpackr writes whatever else there is: also what has a class, or no prototype.
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, wrapMaps(entry)]))
}

/** What holds nothing else. */
function isOfOneValue(value: object): boolean {
  return (
    value instanceof Date ||
    value instanceof RegExp ||
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value)
  )
}

/** Stands for the error, of the same class: with what is sent of it, as that may be for the error itself to read. */
function wrapMapsOf(error: Error): unknown {
  const { name, message, cause } = error
  const sent = { name: { value: name }, message: { value: message }, cause: { value: wrapMaps(cause) } }
  if (!(error instanceof AggregateError)) return Object.create(error, sent)
  return Object.create(error, { ...sent, errors: { value: wrapMaps(error.errors) } })
}
