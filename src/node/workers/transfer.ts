// pure
/**
 * Buffers on their way to a thread and back. They are copied, so that nobody loses what he still uses; whoever does
 * not, gives them away with `transfer`, and then they change hands without a copy. What has come over the wire has
 * no other owner: it is given away on its way to a worker in a thread.
 */

/** Smaller ones are copied all the same: up to here, a copy takes no longer than handing over. */
export const TRANSFER_BYTES_MIN = 64 * 1024

const given = new WeakSet<ArrayBuffer>()
/** So that whoever gives nothing away, does not pay for the search. */
let isAnyGiven = false

/**
 * Gives away all buffers of 64 KiB and more within `value`: in arguments, messages and items for a worker in a thread,
 * and in what such a worker returns or emits. They are empty here when that has been sent. Between workers of one
 * thread, and to other processes and nodes, it changes nothing.
 * @returns `value`
 * @example
 * const frame = await camera.call.read()
 * await detector.call.detect(transfer(frame)) // frame.byteLength is 0 from now on
 */
export function transfer<T>(value: T): T {
  for (const buffer of buffersIn(value)) {
    isAnyGiven = true
    given.add(buffer)
  }
  return value
}

/** The buffers within `value` that have been given away, and are still here. */
export function givenIn(value: unknown): ArrayBuffer[] {
  if (!isAnyGiven) return []
  return [...buffersIn(value)].filter(buffer => given.has(buffer))
}

/** The large buffers within `value`, each once. */
function buffersIn(value: unknown): Set<ArrayBuffer> {
  const found = new Set<ArrayBuffer>()
  const seen = new Set<object>()
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (typeof next !== 'object' || next === null || seen.has(next)) continue
    seen.add(next)
    const buffer = ArrayBuffer.isView(next) ? next.buffer : next
    if (buffer instanceof ArrayBuffer) {
      if (buffer.byteLength >= TRANSFER_BYTES_MIN) found.add(buffer)
    } else for (const part of partsOf(next)) waiting.push(part)
  }
  return found
}

function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) return value
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values<unknown>({ ...value }) : []
}
