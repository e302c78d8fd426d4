// pure
/**
 * User data as bytes: MessagePack with the types of the structured clone algorithm (Map, Set, Date, typed arrays,
 * BigInt, Error, undefined). Class instances arrive as plain objects; functions, symbols and cycles are refused.
 */

import { Packr, addExtension } from 'msgpackr'

import { PayloadError } from './errors.ts'

/** No item, argument list or message may be larger. */
export const PAYLOAD_BYTES_MAX = 4 * 1024 * 1024

/**
 * The bytes of `value`. They are not copied: whoever keeps them, keeps a part of a shared buffer.
 * @throws {PayloadError} when it holds a function, a symbol or a cycle, or is too large
 */
export function encodePayload(value: unknown): Uint8Array {
  const bytes = pack(value)
  if (bytes.length > PAYLOAD_BYTES_MAX) {
    throw new PayloadError(
      `the payload has ${bytes.length} bytes, the limit is ${PAYLOAD_BYTES_MAX}: send it in pieces, or send where it is kept`,
    )
  }
  return bytes
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

/** @throws {PayloadError} when the bytes are no payload */
export function decodePayload(bytes: Uint8Array): unknown {
  try {
    const value: unknown = packr.unpack(bytes)
    return value
  } catch (cause) {
    throw new PayloadError(`${bytes.length} bytes that are no payload`, { cause })
  }
}

/**
 * The payload between two places of a larger buffer: without a view of its own, which would cost as much as a small
 * payload itself.
 * @throws {PayloadError} when the bytes are no payload
 */
export function decodePart(bytes: Uint8Array, start: number, end: number): unknown {
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
    const error = new (Class ?? Error)(textOf(message), cause === undefined ? undefined : { cause })
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
    const error = new AggregateError(errors, textOf(message), cause === undefined ? undefined : { cause })
    if (name !== error.name) Object.defineProperty(error, 'name', { value: name, configurable: true })
    return error
  },
})

/** A message is whatever its sender has put there; of some of that there is no text. */
function textOf(message: unknown): string | undefined {
  try {
    const text = String(message)
    return message === undefined ? undefined : text
  } catch {
    return ''
  }
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
