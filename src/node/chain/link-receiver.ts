// pure
/** The receiving end of a link: what its sender keeps, sends and sends again is said in `link-sender.ts`. */

import type { Run } from '../../ids.ts'
import {
  FRAME,
  ITEM_HAS_ATTEMPT,
  ITEM_HAS_PATH,
  ITEM_IS_NOTICE,
  ITEM_WANTS_OUTCOME,
  SEQUENCE_BYTES,
} from '../../protocol/channel.ts'
import type { Frame, FrameWriter } from '../../protocol/frames.ts'
import { Item, type ItemHead } from './item.ts'
import { Window } from './window.ts'

/** So many bytes may wait for a worker on each link. */
const WINDOW_BYTES = 1024 * 1024

/** So many settled items are worth a frame of their own. */
const SETTLE_BATCH = 512

export class LinkReceiver {
  /** Why the last frame cannot have come from a sender that keeps to the protocol. */
  violation: string | undefined
  /** The size of the last item, as its sender counts it against its credit. */
  lastBytes = 0
  readonly #origins: (Run | undefined)[] = []
  #received = 0
  #settledUpTo = 0
  readonly #settledBeyond = new Set<number>()
  #newBeyond: number[] = []
  #isSettleDue = false
  #settledCount = 0
  #toldCount = 0
  readonly #window: Window
  #bytesReceived = 0
  #itemsConsumed = 0
  #bytesConsumed = 0
  #itemsGranted: number
  #bytesGranted = WINDOW_BYTES

  /** `itemsMax`: so many items may be on their way to the worker, or wait for it. */
  constructor(nowMs: number, itemsMax?: number) {
    this.#window = new Window(nowMs, itemsMax)
    this.#itemsGranted = this.#window.size
  }

  /** An origin of the items to come. */
  addOrigin(number: number, origin: Run): void {
    this.#origins[number] = origin
  }

  /** What an item frame brings: undefined for what was here already, or makes no sense (see `violation`). */
  receive(frame: Frame): Item | undefined {
    const sequence = frame.u48()
    const origin = this.#origins[frame.u16()]
    const n = frame.u48()
    const flags = frame.u8()
    const path = (flags & ITEM_HAS_PATH) === 0 ? undefined : readPath(frame)
    const attempt = (flags & ITEM_HAS_ATTEMPT) === 0 ? 1 : frame.u32()
    if (sequence <= this.#received) return undefined
    if (origin === undefined || sequence !== this.#received + 1 || sequence > this.#itemsGranted) {
      const state = `after item ${this.#received}, with credit for ${this.#itemsGranted}`
      this.violation = `item ${sequence} of ${origin?.id ?? 'an unknown origin'} ${state}`
      return undefined
    }
    if (this.#bytesReceived >= this.#bytesGranted) {
      this.violation = `item ${sequence} after ${this.#bytesReceived} bytes, with credit for ${this.#bytesGranted}`
      return undefined
    }
    const bytes = frame.remaining
    let value: unknown
    try {
      value = frame.payload()
    } catch (error) {
      this.violation = `item ${sequence} cannot be read: ${String(error)}`
      return undefined
    }
    this.#received = sequence
    this.#bytesReceived += bytes
    this.lastBytes = bytes
    const head: ItemHead = { origin, n, wantsOutcome: (flags & ITEM_WANTS_OUTCOME) !== 0, attempt }
    return new Item(head, path, value, (flags & ITEM_IS_NOTICE) === 0 ? 'item' : 'notice')
  }

  /** Of the last item that was received. */
  get lastSequence(): number {
    return this.#received
  }

  /** An item has left the mailbox. @returns whether credit has become due: see `writeNews` */
  onConsumed(bytes: number): boolean {
    this.#itemsConsumed += 1
    this.#bytesConsumed += bytes
    return this.#window.onConsumed() || this.#areBytesDue()
  }

  /**
   * An item and all that came of it has been dealt with.
   * @returns whether the sender should be told now: it may be waiting, as nothing else is on its way
   */
  onSettled(sequence: number): boolean {
    this.#isSettleDue = true
    this.#settledCount += 1
    this.#noteSettled(sequence)
    return this.#settledCount === this.#received || this.#settledCount - this.#toldCount >= SETTLE_BATCH
  }

  #noteSettled(sequence: number): void {
    if (sequence !== this.#settledUpTo + 1) {
      this.#settledBeyond.add(sequence)
      this.#newBeyond.push(sequence)
      return
    }
    this.#settledUpTo = sequence
    while (this.#settledBeyond.delete(this.#settledUpTo + 1)) this.#settledUpTo += 1
  }

  /** Answers an `open`, the first or a later one. */
  writeResume(channel: number, writer: FrameWriter): void {
    this.#origins.length = 0
    const beyond = [...this.#settledBeyond]
    this.#grant()
    writer.begin(FRAME.resume, 4 + SEQUENCE_BYTES * (4 + beyond.length)).u32(channel)
    writer.u48(this.#received).u48(this.#itemsGranted).u48(this.#bytesGranted).u48(this.#settledUpTo)
    for (const sequence of beyond) writer.u48(sequence)
    this.#newBeyond = []
    this.#isSettleDue = false
  }

  /** Tells the sender what has been settled and consumed since the last time. */
  writeNews(channel: number, writer: FrameWriter, nowMs: number): void {
    if (this.#isSettleDue) {
      const beyond = this.#newBeyond.filter(sequence => sequence > this.#settledUpTo)
      writer.begin(FRAME.settle, 4 + SEQUENCE_BYTES * (1 + beyond.length))
      writer.u32(channel).u48(this.#settledUpTo)
      for (const sequence of beyond) writer.u48(sequence)
      this.#newBeyond = []
      this.#isSettleDue = false
      this.#toldCount = this.#settledCount
    }
    if (!this.#window.isHalfConsumed && !this.#areBytesDue()) return
    if (this.#window.isHalfConsumed) this.#window.adapt(nowMs)
    this.#grant()
    writer.begin(FRAME.credit, 4 + 2 * SEQUENCE_BYTES)
    writer.u32(channel).u48(this.#itemsGranted).u48(this.#bytesGranted)
  }

  /** Credit once given is never taken back: a window that shrinks gives less from now on. */
  #grant(): void {
    this.#itemsGranted = Math.max(this.#itemsGranted, this.#itemsConsumed + this.#window.size)
    this.#bytesGranted = this.#bytesConsumed + WINDOW_BYTES
  }

  /** At half of what was granted, so that the sender need not wait and credit frames stay few. */
  #areBytesDue(): boolean {
    return this.#bytesConsumed + WINDOW_BYTES / 2 >= this.#bytesGranted
  }
}

function readPath(frame: Frame): number[] {
  const path: number[] = []
  for (let length = frame.u16(); length > 0 && !frame.isBroken; length--) path.push(frame.u32())
  return path
}
