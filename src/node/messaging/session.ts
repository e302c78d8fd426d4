// shell
/**
 * The data lane of a session with a peer: frames in and out, and the channels that they belong to. Whatever is
 * written during a turn of the event loop leaves in one buffer at its end, or, while the transport asks to wait, later:
 * the transport ends a session for which it would have to keep too much.
 */

import { Deque } from '../../deque.ts'
import type { NodeId } from '../../ids.ts'
import { encodePayload } from '../../payload.ts'
import type { Clock } from '../../ports.ts'
import { FRAME, type Target, decodeTarget } from '../../protocol/channel.ts'
import { type Frame, FrameReader, FrameWriter, SLAB_BYTES } from '../../protocol/frames.ts'
import { CHANNELS_MAX } from '../../protocol/limits.ts'
import { LOOK_EVERY_MS, WaitingAnswers } from './waiting-answers.ts'

/** A session that sends no more than this at a time is quiet. */
const QUIET_FRAMES = 4

/** How long what nobody waits for may wait for company. */
const NEWS_DELAY_MS = 4

/**
 * While something waits all the time, channels that could wait with what they have may write a buffer of it, one frame
 * at least, whenever so many times as much has left as they wrote last: not more, or what waits would grow.
 */
const TURN_SHARE = 16

/** When the node goes, so much of what waits is given to the transport: it would end the session for more. */
const LAST_BYTES_MAX = 32 * 1024 * 1024

/** A buffer that was written while the transport asked to wait. */
interface Waiting {
  readonly bytes: Uint8Array
  /** So much of it is answers. */
  readonly answerBytes: number
  /** Nobody has a use for it from then on. Infinity: for ever, somebody has. */
  readonly deadlineMs: number
}

/** What a channel writes to. */
export interface Way {
  readonly writer: FrameWriter
  /** Whether what is written leaves soon. If not, `outgoing.onDrain` is called when something may be written, once. */
  takesMore(outgoing: Outgoing): boolean
}

/** This node's end of a channel that it has opened. It outlives sessions. */
export interface Outgoing {
  readonly channel: number
  readonly target: Target
  /** The peer has answered: see `FRAME.resume`. */
  onResume(frame: Frame, way: Way): void
  onSettle(frame: Frame): void
  onCredit(frame: Frame): void
  /** See `Way.takesMore`. */
  onDrain(): void
  /** There is nothing at the other end. */
  onReset(): void
  /** The session has ended. */
  onPause(): void
}

/** This node's end of a channel that a peer has opened, for one session. */
export interface Incoming {
  /** A frame of the channel. @returns why the session must end, if the frame makes no sense */
  onFrame(frame: Frame, session: Session): string | undefined
  /** Writes what the peer should know, once for all that happened in a turn. */
  writeNews?(channel: number, writer: FrameWriter): void
  /** Nothing more comes, and nobody listens: the channel was closed, or the session has ended. */
  onClosed?(channel: number, session: Session): void
}

/** Who knows what channels lead to, and what the other frames mean. */
export interface SessionOwner {
  /** A peer wants a channel to `target`. @returns undefined when there is nothing */
  accept(target: Target, session: Session, channel: number): Incoming | undefined
  /** @returns why the session must end, if the frame makes no sense */
  onReply(frame: Frame, peer: NodeId): string | undefined
  /** @returns the same */
  onBroadcast(frame: Frame, peer: NodeId): string | undefined
}

export class Session implements Way {
  readonly peer: NodeId
  readonly writer: FrameWriter
  readonly #owner: SessionOwner
  readonly #reader: FrameReader
  readonly #send: (bytes: Uint8Array) => boolean
  readonly #clock: Clock
  readonly #outgoing = new Map<number, Outgoing>()
  readonly #incoming = new Map<number, Incoming>()
  readonly #news = new Map<number, Incoming>()
  /** What was written while the transport asked to wait, oldest first. The last of it is still in the writer. */
  readonly #backlog = new Deque<Waiting>()
  /** Who could wait with what it has, and does; who has waited longest is first. */
  readonly #waiting = new Set<Outgoing>()
  #violation: string | undefined
  #isFlushDue = false
  #isBusy = false
  #isNewsDue = false
  #isLookDue = false
  #isCongested = false
  /** Until the writer has written so much in all, channels may write though something waits. */
  #turnEndBytes = 0
  /** They may again when so much has left. */
  #turnAfterBytes = 0
  #isOver = false
  /** Of what is in the writer. */
  #answerBytes = 0
  /** Of what the writer hands over. */
  #deadlineMs = Infinity
  /** Of what waits. */
  readonly answers = new WaitingAnswers()
  /** Of the run of the peer, as it has said; it may take a larger one while it joins. Infinity before it has said so. */
  boot = Infinity
  /** When the bytes have come that are being taken in: the same for all frames in them. */
  heardMs = 0
  /** Of what has been written: so much waits for the transport to take more. */
  waitingBytes = 0

  constructor(init: {
    readonly peer: NodeId
    readonly owner: SessionOwner
    readonly clock: Clock
    /** False: the transport takes it, and asks to wait. */
    readonly send: (bytes: Uint8Array) => boolean
  }) {
    this.peer = init.peer
    this.#owner = init.owner
    this.#send = init.send
    this.#clock = init.clock
    this.writer = new FrameWriter(
      bytes => this.#onFull(bytes),
      () => this.#flushSoon(),
    )
    this.#reader = new FrameReader(frame => this.#onFrame(frame))
  }

  open(outgoing: Outgoing): void {
    this.#outgoing.set(outgoing.channel, outgoing)
    const target = encodePayload(outgoing.target)
    this.writer
      .begin(FRAME.open, 4 + target.length)
      .u32(outgoing.channel)
      .bytes(target)
  }

  close(outgoing: Outgoing): void {
    this.#waiting.delete(outgoing)
    if (this.#outgoing.delete(outgoing.channel)) this.writer.begin(FRAME.close, 4).u32(outgoing.channel)
  }

  /** The answer to a call, for which nobody waits after its deadline. */
  reply(correlation: number, outcome: number, payload: Uint8Array, deadlineMs: number): void {
    const bodyBytes = 5 + payload.length
    this.writer.begin(FRAME.reply, bodyBytes).u32(correlation).u8(outcome).bytes(payload)
    this.#answerBytes += bodyBytes
    // One that has a buffer of its own anyway can be left out when it has waited for too long.
    if (!this.#isCongested || payload.length < SLAB_BYTES) return
    this.#deadlineMs = deadlineMs
    this.writer.flush()
    this.#deadlineMs = Infinity
  }

  /** Takes in bytes of the peer. @returns why the session must end, if they make no sense */
  onBytes(bytes: Uint8Array): string | undefined {
    this.heardMs = this.#clock.nowMs()
    return this.#reader.push(bytes) ?? this.#violation
  }

  takesMore(outgoing: Outgoing): boolean {
    if (!this.#isCongested || this.writer.writtenBytes < this.#turnEndBytes) return true
    this.#waiting.add(outgoing)
    return false
  }

  /** The transport takes more again: first what waits here, then what waits for that. */
  onDrain(): void {
    const nowMs = this.#clock.nowMs()
    this.#isCongested = false
    while (!this.#isCongested) {
      const waiting = this.#backlog.shift()
      if (waiting === undefined) {
        this.#fill()
        break
      }
      const { bytes, answerBytes, deadlineMs } = waiting
      this.waitingBytes -= bytes.length
      if (deadlineMs <= nowMs) {
        this.answers.onDropped(answerBytes)
        continue
      }
      this.answers.onLeft(answerBytes, nowMs)
      this.#give(bytes)
    }
    if (this.#isCongested && this.#turnAfterBytes <= 0) this.#giveTurn()
  }

  /** Nothing waits here any more. */
  #fill(): void {
    this.writer.flush()
    for (const outgoing of this.#waiting) {
      if (this.#isCongested) return
      this.#waiting.delete(outgoing)
      outgoing.onDrain()
    }
  }

  /** What is written goes behind all that waits here. */
  #giveTurn(): void {
    const before = this.writer.writtenBytes
    this.#turnEndBytes = before + SLAB_BYTES
    for (const outgoing of this.#waiting) {
      if (this.writer.writtenBytes >= this.#turnEndBytes) break
      this.#waiting.delete(outgoing)
      outgoing.onDrain()
    }
    this.#turnEndBytes = 0
    this.#turnAfterBytes = TURN_SHARE * (this.writer.writtenBytes - before)
  }

  /** The session has ended. */
  end(): void {
    this.#isOver = true
    for (const outgoing of this.#outgoing.values()) outgoing.onPause()
    this.#outgoing.clear()
    for (const [channel, incoming] of this.#incoming) incoming.onClosed?.(channel, this)
    this.#incoming.clear()
    this.#news.clear()
    this.#waiting.clear()
    this.#backlog.clear()
  }

  /** The channel has something to tell: at the end of the turn when somebody waits for it, otherwise a little later. */
  addNews(channel: number, incoming: Incoming, isUrgent: boolean): void {
    this.#news.set(channel, incoming)
    if (isUrgent) this.#flushSoon()
    else if (!this.#isNewsDue) this.#tellLater()
  }

  /** News that is not urgent goes along with whatever leaves next, and does not wait for it for ever. */
  #tellLater(): void {
    this.#isNewsDue = true
    this.#clock.after(NEWS_DELAY_MS, () => {
      this.#isNewsDue = false
      if (this.#news.size > 0) this.#flushSoon()
    })
  }

  /**
   * In a quiet session at once, as soon as the code that runs now is through: nothing is gained by waiting. In a busy
   * one at the end of the turn of the event loop: by then, all that has come in during it has been dealt with, from
   * whichever peer, and leaves in one buffer. Sending more often would cost more than everything else together.
   */
  #flushSoon(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    if (this.#isBusy) this.#clock.after(0, () => this.flush())
    else queueMicrotask(() => this.flush())
  }

  /** Sends what has been written. While the transport asks to wait, it stays in the writer, and more may join it. */
  flush(): void {
    for (const [channel, incoming] of this.#news) incoming.writeNews?.(channel, this.writer)
    this.#news.clear()
    this.#isFlushDue = false
    this.#isBusy = this.writer.frameCount > QUIET_FRAMES
    if (!this.#isCongested) this.writer.flush()
  }

  /** Sends what has been written, also while the transport asks to wait: this node goes, and has no other turn. */
  letOut(): void {
    this.flush()
    let bytesLeft = LAST_BYTES_MAX
    for (const { bytes } of this.#backlog) {
      bytesLeft -= bytes.length
      // Nor anything after it: a gap would be a violation.
      if (bytesLeft < 0) return
      this.#send(bytes)
    }
    this.#backlog.clear()
    this.#isCongested = false
    this.writer.flush()
  }

  #onFull(bytes: Uint8Array): void {
    // What was still to be flushed must not get into the next session with the same peer.
    if (this.#isOver) return
    const answerBytes = this.#answerBytes
    this.#answerBytes = 0
    if (this.#isCongested) {
      this.#backlog.push({ bytes, answerBytes, deadlineMs: this.#deadlineMs })
      this.waitingBytes += bytes.length
      if (answerBytes > 0) this.#addAnswers(answerBytes)
    } else {
      this.#give(bytes)
    }
  }

  #addAnswers(bytes: number): void {
    this.answers.add(bytes, this.#clock.nowMs())
    if (this.#isLookDue) return
    this.#isLookDue = true
    this.#lookLater()
  }

  /** For as long as answers wait. */
  #lookLater(): void {
    this.#clock.after(LOOK_EVERY_MS, () => {
      this.answers.look(this.#clock.nowMs())
      this.#isLookDue = !this.#isOver && this.answers.bytes > 0
      if (this.#isLookDue) this.#lookLater()
    })
  }

  #give(bytes: Uint8Array): void {
    this.answers.onGiven(bytes.length)
    this.#turnAfterBytes -= bytes.length
    this.#isCongested = !this.#send(bytes)
  }

  #onFrame(frame: Frame): void {
    if (this.#violation !== undefined) return
    switch (frame.kind) {
      case FRAME.reply:
        this.#violation = this.#owner.onReply(frame, this.peer)
        return undefined
      case FRAME.broadcast:
        this.#violation = this.#owner.onBroadcast(frame, this.peer)
        return undefined
      case FRAME.open:
        return this.#onOpen(frame)
      case FRAME.resume:
        return this.#outgoing.get(frame.u32())?.onResume(frame, this)
      case FRAME.settle:
        return this.#outgoing.get(frame.u32())?.onSettle(frame)
      case FRAME.credit:
        return this.#outgoing.get(frame.u32())?.onCredit(frame)
      case FRAME.close:
        return this.#onClose(frame.u32())
      case FRAME.reset:
        return this.#outgoing.get(frame.u32())?.onReset()
      default: {
        const incoming = this.#incoming.get(frame.u32())
        // What is for a channel that was closed meanwhile is dropped.
        this.#violation = incoming === undefined ? unknownKind(frame) : incoming.onFrame(frame, this)
      }
    }
  }

  #onClose(channel: number): void {
    this.#incoming.get(channel)?.onClosed?.(channel, this)
    this.#incoming.delete(channel)
  }

  #onOpen(frame: Frame): void {
    const channel = frame.u32()
    const target = decodeTarget(frame.rest())
    if (target === undefined) {
      this.#violation = 'a channel to nowhere'
      return
    }
    if (this.#incoming.size >= CHANNELS_MAX && !this.#incoming.has(channel)) {
      this.#violation = `more than ${CHANNELS_MAX} channels`
      return
    }
    const incoming = this.#owner.accept(target, this, channel)
    if (incoming === undefined) {
      this.#incoming.delete(channel)
      this.writer.begin(FRAME.reset, 4).u32(channel)
    } else {
      this.#incoming.set(channel, incoming)
    }
  }
}

const KINDS: ReadonlySet<number> = new Set<number>(Object.values(FRAME))

/** @returns why the session must end, where no frame is of that kind */
function unknownKind({ kind }: Frame): string | undefined {
  return KINDS.has(kind) ? undefined : `a frame of kind ${kind} on the data lane`
}
