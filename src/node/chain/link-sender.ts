// pure
/**
 * The sending end of a link between two workers of a chain on different nodes.
 *
 * It keeps every item until the receiver says that it is settled: dealt with, and everything that came of it
 * too. It sends no more than the receiver has given credit for, and nothing while the session has more to send than
 * gets through: many links share it. When the session breaks, the receiver says how far it
 * came, and the sender sends the rest again: in order, nothing twice.
 */

import { Deque } from '../../deque.ts'
import type { Run } from '../../ids.ts'
import {
  FRAME,
  ITEM_HAS_ATTEMPT,
  ITEM_HAS_PATH,
  ITEM_IS_NOTICE,
  ITEM_WANTS_OUTCOME,
  ORIGINS_MAX,
  SEQUENCE_BYTES,
  type Target,
} from '../../protocol/channel.ts'
import type { Frame, FrameWriter } from '../../protocol/frames.ts'
import { encodePayload } from '../../payload.ts'
import type { Outgoing, Way } from '../messaging/session.ts'
import type { Item, Parent } from './item.ts'
import { Kept } from './kept.ts'
import type { Outlet } from './outlet.ts'

/** Of an item frame, before the path and the item: channel, sequence, origin, n, flags. */
const ITEM_HEAD_BYTES = 4 + SEQUENCE_BYTES + 2 + 6 + 1

interface Unsettled {
  readonly item: Item
  readonly parent: Parent
  /** Of all items up to this one. */
  readonly bytesUpTo: number
  isSettled: boolean
}

export class LinkSender implements Outlet, Outgoing {
  readonly channel: number
  readonly target: Target
  readonly #whenApart: 'wait' | 'keep'
  readonly #onRoom: () => void
  readonly #onReset: () => void
  readonly #unsettled = new Deque<Unsettled>()
  /** The sequence number of the first of `#unsettled`. */
  #firstSequence = 1
  #lastSequence = 0
  #bytesPushed = 0
  /** What the receiver has been sent in this session, or has said that it has. */
  #lastWritten = 0
  #bytesWritten = 0
  #itemCredit = 0
  #byteCredit = 0
  #way: Way | undefined
  /** While there is no session, and somebody has asked whether there is room. */
  #kept: Kept | undefined
  /** What the receiver knows the origins by, in this session. */
  #origins = new Map<Run, number>()

  constructor(init: {
    readonly channel: number
    readonly target: Target
    /**
     * While there is no session: `wait` has no room, `keep` takes what comes, up to a bound for each item. The latter is for
     * what goes back to a sender, and must not hold up the items of others.
     */
    readonly whenApart: 'wait' | 'keep'
    readonly onRoom: () => void
    /** The receiver is not there (yet, or any more). */
    readonly onReset: () => void
  }) {
    this.channel = init.channel
    this.target = init.target
    this.#whenApart = init.whenApart
    this.#onRoom = init.onRoom
    this.#onReset = init.onReset
  }

  get debt(): number {
    return this.#unsettled.size
  }

  hasRoom(item?: Item): boolean {
    if (this.#way === undefined) {
      if (this.#whenApart === 'wait' || item === undefined) return this.#whenApart === 'keep'
      this.#kept ??= new Kept(this.#unsettled)
      return this.#kept.hasRoom(item)
    }
    return this.#lastSequence < this.#itemCredit && this.#bytesPushed < this.#byteCredit
  }

  push(item: Item, parent: Parent): void {
    // Before anything else: an item that cannot be encoded is the fault of its worker, and leaves no trace here.
    const bytes = item.bytes()
    this.#bytesPushed += bytes.length
    this.#lastSequence += 1
    this.#unsettled.push({ item, parent, bytesUpTo: this.#bytesPushed, isSettled: false })
    this.#kept?.add(item)
    this.#writeOn()
  }

  /** What is not settled is kept for the next session. One that keeps what comes has room from now on. */
  onPause(): void {
    const hadRoom = this.hasRoom()
    this.detach()
    if (!hadRoom && this.hasRoom()) this.#onRoom()
  }

  /** Nothing goes this way any more, and nobody is to put anything in. */
  detach(): void {
    this.#way = undefined
    this.#origins = new Map()
  }

  onReset(): void {
    this.onPause()
    this.#onReset()
  }

  /** The receiver will never be there again: nobody waits for what is kept for it. */
  giveUp(): void {
    this.detach()
    while (this.#unsettled.size > 0) this.#settleFirst()
  }

  /** The receiver has answered `open`: it says what it has, and the rest is sent (again). */
  onResume(frame: Frame, way: Way): void {
    const received = frame.u48()
    this.#itemCredit = frame.u48()
    this.#byteCredit = frame.u48()
    this.#settle(frame)
    this.#way = way
    this.#kept = undefined
    this.#lastWritten = Math.max(received, this.#firstSequence - 1)
    const last = this.#unsettled.at(this.#lastWritten - this.#firstSequence)
    const next = this.#unsettled.at(this.#lastWritten + 1 - this.#firstSequence)
    this.#bytesWritten = last?.bytesUpTo ?? (next === undefined ? this.#bytesPushed : startOf(next))
    this.#writeOn()
    this.#onRoom()
  }

  onSettle(frame: Frame): void {
    this.#settle(frame)
  }

  onCredit(frame: Frame): void {
    const hadRoom = this.hasRoom()
    this.#itemCredit = Math.max(this.#itemCredit, frame.u48())
    this.#byteCredit = Math.max(this.#byteCredit, frame.u48())
    this.#writeOn()
    if (!hadRoom && this.hasRoom()) this.#onRoom()
  }

  onDrain(): void {
    this.#writeOn()
  }

  #settle(frame: Frame): void {
    const upTo = frame.u48()
    while (this.#firstSequence <= upTo && this.#unsettled.size > 0) this.#settleFirst()
    while (frame.remaining >= SEQUENCE_BYTES) {
      const entry = this.#unsettled.at(frame.u48() - this.#firstSequence)
      if (entry === undefined || entry.isSettled) continue
      entry.isSettled = true
      entry.parent.onChildSettled()
    }
    while (this.#unsettled.at(0)?.isSettled === true) this.#settleFirst()
  }

  #settleFirst(): void {
    const entry = this.#unsettled.shift()
    this.#firstSequence += 1
    if (entry === undefined || entry.isSettled) return
    entry.isSettled = true
    entry.parent.onChildSettled()
  }

  /** Writes what has not been written in this session, as far as there is credit, and the session takes it. */
  #writeOn(): void {
    const way = this.#way
    if (way === undefined) return
    while (
      this.#lastWritten < this.#lastSequence &&
      this.#lastWritten < this.#itemCredit &&
      this.#bytesWritten < this.#byteCredit &&
      way.takesMore(this)
    ) {
      this.#lastWritten += 1
      const entry = this.#unsettled.at(this.#lastWritten - this.#firstSequence)
      // Settled already: the receiver has it. It cannot be missing, as the receiver has said more than once what it has.
      if (entry === undefined) continue
      this.#bytesWritten = entry.bytesUpTo
      this.#write(this.#lastWritten, entry.item, way.writer)
    }
  }

  #write(sequence: number, item: Item, writer: FrameWriter): void {
    const { head, path } = item
    const origin = this.#originOf(head.origin, writer)
    const bytes = item.bytes()
    const isRepeated = head.attempt > 1
    const pathBytes = path === undefined ? 0 : 2 + 4 * path.length
    const attemptBytes = isRepeated ? 4 : 0
    const flags =
      (path === undefined ? 0 : ITEM_HAS_PATH) |
      (head.wantsOutcome ? ITEM_WANTS_OUTCOME : 0) |
      (item.kind === 'notice' ? ITEM_IS_NOTICE : 0) |
      (isRepeated ? ITEM_HAS_ATTEMPT : 0)
    writer.begin(FRAME.item, ITEM_HEAD_BYTES + pathBytes + attemptBytes + bytes.length)
    writer.u32(this.channel).u48(sequence).u16(origin).u48(head.n).u8(flags)
    if (path !== undefined) {
      writer.u16(path.length)
      for (const index of path) writer.u32(index)
    }
    if (isRepeated) writer.u32(head.attempt)
    writer.bytes(bytes)
  }

  #originOf(origin: Run, writer: FrameWriter): number {
    const known = this.#origins.get(origin)
    if (known !== undefined) return known
    if (this.#origins.size >= ORIGINS_MAX) this.#origins.clear()
    const number = this.#origins.size
    this.#origins.set(origin, number)
    const bytes = encodePayload({ id: origin.id, boot: origin.boot })
    writer.begin(FRAME.origin, 6 + bytes.length)
    writer.u32(this.channel).u16(number).bytes(bytes)
    return number
  }
}

function startOf(entry: Unsettled): number {
  return entry.bytesUpTo - entry.item.bytes().length
}
