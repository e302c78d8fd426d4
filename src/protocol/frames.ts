// pure
/**
 * The frames of a lane: u32 length, u8 kind, fields, all little endian. Many small frames leave in one buffer, as a
 * call of `send` for each would cost more than everything else together.
 */

import { PAYLOAD_BYTES_MAX, decodePart } from '../payload.ts'
import { assert } from '../assert.ts'

/** Larger frames are a violation of the protocol. */
export const FRAME_BYTES_MAX = PAYLOAD_BYTES_MAX + 64 * 1024

const HEADER_BYTES = 5

/** A little below the 65,519 bytes that one Noise message carries, so that a full buffer is one message. */
export const SLAB_BYTES = 63 * 1024

/** Where little is said at a time: a node has two writers for each of its sessions, and most of them say a probe now and then. */
const QUIET_SLAB_BYTES = 4 * 1024

const U32 = 0x1_0000_0000

/**
 * Writes frames into buffers, and hands each over when it is full or flushed:
 * `begin`, then exactly the announced number of bytes, then the next `begin` or `flush`.
 */
export class FrameWriter {
  readonly #send: (bytes: Uint8Array) => void
  readonly #onPending: () => void
  #slab: Uint8Array = new Uint8Array(QUIET_SLAB_BYTES)
  #start = 0
  #at = 0
  #frameEnd = 0
  #frameCount = 0
  #writtenBytes = 0

  /** `onPending` is called when a frame is begun and nothing else waits: it should see to a `flush`. */
  constructor(send: (bytes: Uint8Array) => void, onPending: () => void = () => {}) {
    this.#send = send
    this.#onPending = onPending
  }

  /** Whether nothing waits for `flush`. */
  get isEmpty(): boolean {
    return this.#at === this.#start
  }

  /** How many frames were begun since the last flush. */
  get frameCount(): number {
    return this.#frameCount
  }

  /** How many bytes all frames have that were begun so far. */
  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** Starts a frame with a body of exactly `bodyBytes`. */
  begin(kind: number, bodyBytes: number): this {
    assert(this.#at >= this.#frameEnd, 'a frame was begun before the last one was complete')
    const size = HEADER_BYTES + bodyBytes
    if (this.isEmpty) this.#onPending()
    if (this.#slab.length - this.#at < size) {
      const isBusy = this.#at - this.#start + size > QUIET_SLAB_BYTES / 2
      this.flush()
      this.#slab = new Uint8Array(Math.max(isBusy ? SLAB_BYTES : QUIET_SLAB_BYTES, size))
      this.#start = 0
      this.#at = 0
    }
    this.#frameCount += 1
    this.#writtenBytes += size
    this.#frameEnd = this.#at + size
    return this.u32(1 + bodyBytes).u8(kind)
  }

  u8(value: number): this {
    this.#slab[this.#at++] = value
    return this
  }

  u16(value: number): this {
    const slab = this.#slab
    slab[this.#at++] = value
    slab[this.#at++] = value >>> 8
    return this
  }

  u32(value: number): this {
    const slab = this.#slab
    slab[this.#at++] = value
    slab[this.#at++] = value >>> 8
    slab[this.#at++] = value >>> 16
    slab[this.#at++] = value >>> 24
    return this
  }

  /** 0 … 2^48 - 1 */
  u48(value: number): this {
    return this.u32(value % U32).u16(Math.floor(value / U32))
  }

  bytes(bytes: Uint8Array): this {
    if (bytes.length < 64) {
      for (let index = 0; index < bytes.length; index++) this.#slab[this.#at++] = bytes[index] ?? 0
    } else {
      this.#slab.set(bytes, this.#at)
      this.#at += bytes.length
    }
    return this
  }

  /** Hands over what is complete. The rest of the buffer is used on: what is handed over is never written again. */
  flush(): void {
    assert(this.#at >= this.#frameEnd, 'flushed in the middle of a frame')
    this.#frameCount = 0
    if (this.isEmpty) return
    const bytes = this.#slab.subarray(this.#start, this.#at)
    this.#start = this.#at
    this.#send(bytes)
  }
}

/** A received frame, read from front to back. Whatever is read beyond its end is 0, and makes it broken. */
export interface Frame {
  readonly kind: number
  /** More was read than there was: the frame is not what its kind says. */
  readonly isBroken: boolean
  /** Bytes that have not been read. */
  readonly remaining: number
  u8(): number
  u16(): number
  u32(): number
  u48(): number
  /** All that is left. A view, valid as long as it is held. */
  rest(): Uint8Array
  /** All that is left, as a payload. @throws {PayloadError} when it is none */
  payload(): unknown
}

class FrameCursor implements Frame {
  kind = 0
  isBroken = false
  #bytes: Uint8Array = new Uint8Array()
  #at = 0
  #end = 0

  /** Points the cursor at the body of a frame. */
  reset(bytes: Uint8Array, at: number, end: number): void {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
    this.isBroken = false
    this.kind = this.u8()
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  u8(): number {
    if (this.#at >= this.#end) {
      this.isBroken = true
      return 0
    }
    return this.#bytes[this.#at++] ?? 0
  }

  u16(): number {
    return this.u8() | (this.u8() << 8)
  }

  u32(): number {
    if (this.#end - this.#at < 4) {
      this.isBroken = true
      return 0
    }
    const value = readU32(this.#bytes, this.#at)
    this.#at += 4
    return value
  }

  u48(): number {
    if (this.#end - this.#at < 6) {
      this.isBroken = true
      return 0
    }
    const bytes = this.#bytes
    const at = this.#at
    this.#at += 6
    return readU32(bytes, at) + ((bytes[at + 4] ?? 0) | ((bytes[at + 5] ?? 0) << 8)) * U32
  }

  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#at, this.#end)
    this.#at = this.#end
    return rest
  }

  payload(): unknown {
    const start = this.#at
    this.#at = this.#end
    return decodePart(this.#bytes, start, this.#end)
  }
}

/** Finds the frames in a stream of bytes that is cut anywhere. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void
  readonly #bytesMax: number
  readonly #cursor = new FrameCursor()
  #kept: Uint8Array = NOTHING
  #keptBytes = 0
  #neededBytes = 0

  constructor(onFrame: (frame: Frame) => void, bytesMax = FRAME_BYTES_MAX) {
    this.#onFrame = onFrame
    this.#bytesMax = bytesMax
  }

  /** Takes in the next bytes. @returns a reason when they are no frames: nothing after that makes sense */
  push(bytes: Uint8Array): string | undefined {
    if (this.#keptBytes === 0) return this.#scan(bytes)
    this.#keep(bytes)
    return this.#keptBytes < this.#neededBytes ? undefined : this.#scan(this.#takeKept())
  }

  #scan(bytes: Uint8Array): string | undefined {
    let at = 0
    while (bytes.length - at >= HEADER_BYTES) {
      const length = readU32(bytes, at)
      if (length === 0 || length > this.#bytesMax)
        return `a frame of ${length} bytes, allowed are 1 to ${this.#bytesMax}`
      const end = at + 4 + length
      if (end > bytes.length) {
        this.#neededBytes = 4 + length
        break
      }
      this.#cursor.reset(bytes, at + 4, end)
      this.#onFrame(this.#cursor)
      if (this.#cursor.isBroken) return `a frame of kind ${this.#cursor.kind} that is too short`
      at = end
    }
    if (at === bytes.length) return undefined
    if (bytes.length - at < HEADER_BYTES) this.#neededBytes = HEADER_BYTES
    this.#keep(bytes.subarray(at))
    return undefined
  }

  /**
   * Keeps the beginning of a frame in one buffer, as a list of pieces costs a hundred bytes for each, however small.
   * It grows with what has come, not with what was announced.
   */
  #keep(piece: Uint8Array): void {
    const count = this.#keptBytes + piece.length
    if (count > this.#kept.length) {
      const grown = new Uint8Array(
        Math.max(count, Math.min(this.#neededBytes, Math.max(PIECE_BYTES, 2 * count))),
      )
      grown.set(this.#kept.subarray(0, this.#keptBytes))
      this.#kept = grown
    }
    this.#kept.set(piece, this.#keptBytes)
    this.#keptBytes = count
  }

  /** What was kept. Frames are views of it, so that it is not used again. */
  #takeKept(): Uint8Array {
    const kept = this.#kept.subarray(0, this.#keptBytes)
    this.#kept = NOTHING
    this.#keptBytes = 0
    return kept
  }
}

const NOTHING = new Uint8Array()
/** The first buffer for a frame that comes in pieces. */
const PIECE_BYTES = 64 * 1024

function readU32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)
  return low + (bytes[at + 3] ?? 0) * 0x100_0000
}
