// pure
/**
 * Buffers on their way to a thread and back. They are copied, so that nobody loses what he still uses; whoever does
 * not, gives them away with `transfer`, and then they change hands without a copy. What has come over the wire for a
 * worker in a thread has no other owner, and is not copied either.
 *
 * Items of a chain are kept by their sender until they are done, for another try: on their way into a thread they are
 * copied, unless they have come over the wire.
 */

/** Smaller ones are copied all the same: up to here, a copy takes no longer than handing over. */
export const TRANSFER_BYTES_MIN = 64 * 1024

/** Buffers that change hands when they are sent. */
export class Transfers {
  readonly #buffers = new WeakSet<ArrayBuffer>()
  /** So that whoever gives nothing away, does not pay for the search. */
  #isAny = false

  /** From now on, the large buffers within `value` change hands. */
  add(value: unknown): void {
    for (const buffer of buffersIn(value)) {
      this.#isAny = true
      this.#buffers.add(buffer)
    }
  }

  /** Those within `value`, each once. */
  within(value: unknown): ArrayBuffer[] {
    return this.#isAny ? [...buffersIn(value)].filter(buffer => this.#buffers.has(buffer)) : []
  }
}

/** What users have given away. */
export const given = new Transfers()

/** What has come over the wire for a worker in a thread. */
export const fresh = new Transfers()

/** The buffers within `value` that need not be copied into a thread: users have given them away, or nobody has them. */
export function unowned(value: unknown): ArrayBuffer[] {
  return [...new Set([...given.within(value), ...fresh.within(value)])]
}

/**
 * Gives away all buffers of 64 KiB and more within `value`: in arguments and messages for a worker in a thread, and
 * in what such a worker returns or emits. They are empty here when that has been sent. Everywhere else it changes
 * nothing: between workers of one thread, to other processes and nodes, and for items on their way into a chain.
 * @returns `value`
 * @example
 * const frame = await camera.call.read()
 * await detector.call.detect(transfer(frame)) // frame.byteLength is 0 from now on
 */
export function transfer<T>(value: T): T {
  given.add(value)
  return value
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
