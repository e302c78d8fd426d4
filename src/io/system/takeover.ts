// shell
/**
 * The side of the newcomer: it takes a lock, and where another one holds it, asks that one to give way and waits until
 * it has gone. Of several who ask, the one who has asked last gets it.
 */

import { setTimeout as pause } from 'node:timers/promises'

import type { Incumbent } from './incumbent.ts'
import { type Lock, type LockPlace, callHolder, takeLock } from './lock.ts'
import {
  ANSWER_BYTES,
  type Answer,
  GREETING_BYTES,
  isGreeting,
  makeClaim,
  readAnswer,
} from './lock-messages.ts'

export interface TakeoverLimits {
  /** Whoever says nothing for so long is frozen, hangs, or is something else. */
  readonly answerMs: number
  /** Whoever has said that it gives way is gone by then. */
  readonly leaveMs: number
}

/**
 * An event loop that was held up answers within 15 s. A node that was being stopped already takes 45 s at most, and one
 * that is replaced gives the lock back after 10 s.
 */
export const TAKEOVER_LIMITS: TakeoverLimits = { answerMs: 15_000, leaveMs: 60_000 }

/** Between two calls to a holder who has hung up: it may just be going. */
const PAUSE_MS = 50

export interface TakeoverInit {
  readonly place: LockPlace
  readonly secret: Buffer
  /** Who answers others, as soon as the lock is taken. */
  readonly incumbent: Incumbent
  readonly limits: TakeoverLimits
  readonly signal: AbortSignal | undefined
}

/** Why the lock cannot be had. */
export type Refusal =
  /** The holder takes calls, or would, and says nothing. */
  | { readonly kind: 'silent' }
  /** It ends each call without a word. */
  | { readonly kind: 'mute' }
  /** It does not have the key. */
  | { readonly kind: 'stranger' }
  /** It has said that it goes, and is still there. */
  | { readonly kind: 'stuck'; readonly process: number }
  /** It gives way to somebody who has asked later. */
  | { readonly kind: 'outbid' }

export type Takeover =
  /** `before`: what the last one has said who held it. */
  { readonly kind: 'taken'; readonly lock: Lock; readonly before: Answer | undefined } | Refusal

/** @throws {unknown} the reason of the signal, when it aborts meanwhile */
export async function takeOver(init: TakeoverInit): Promise<Takeover> {
  const { place, incumbent, limits, signal } = init
  let before: Answer | undefined
  let untilMs = performance.now() + limits.answerMs
  for (;;) {
    signal?.throwIfAborted()
    const lock = await takeLock(place, socket => incumbent.meet(socket))
    if (lock !== undefined) return { kind: 'taken', lock, before }
    const told = await ask(init)
    signal?.throwIfAborted()
    if (told.kind === 'gone') {
      before = told.answer
      untilMs = performance.now() + limits.answerMs
    } else if (told.kind === 'stuck' || told.kind === 'outbid' || performance.now() >= untilMs) {
      return told
    } else {
      await pause(PAUSE_MS)
    }
  }
}

type Told = Refusal | { readonly kind: 'gone'; readonly answer: Answer }

/** Asks once. @returns 'gone' when the holder has given way and the lock may be free */
async function ask({ place, secret, limits, signal }: TakeoverInit): Promise<Told> {
  const socket = callHolder(place)
  const talk = new Talk(secret, claim => socket.write(claim))
  let isLate = false
  const expire = (): void => {
    isLate = true
    socket.destroy()
  }
  const hangUp = (): void => void socket.destroy()
  signal?.addEventListener('abort', hangUp, { once: true })
  let timer = setTimeout(expire, limits.answerMs)
  try {
    const heard: AsyncIterable<Buffer> = socket
    for await (const bytes of heard) {
      const { stage } = talk
      const refusal = talk.hear(bytes)
      if (refusal !== undefined) return { kind: refusal }
      // Anew with each: a holder who hears the claim must not give way to somebody who has given up.
      if (talk.stage === stage) continue
      clearTimeout(timer)
      timer = setTimeout(expire, talk.stage === 'answered' ? limits.leaveMs : limits.answerMs)
    }
  } catch {
    // It has gone, or nobody was there: what was said before counts.
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', hangUp)
    socket.destroy()
  }
  return talk.end(isLate)
}

/** What has been said so far, and what it means. */
class Talk {
  stage: 'called' | 'claimed' | 'answered' = 'called'
  readonly #secret: Buffer
  readonly #claimTo: (claim: Buffer) => void
  #said: Buffer = Buffer.alloc(0)
  #claim: Buffer = Buffer.alloc(0)
  #answer: Answer | undefined

  constructor(secret: Buffer, claimTo: (claim: Buffer) => void) {
    this.#secret = secret
    this.#claimTo = claimTo
  }

  /** @returns why there is nothing more to be said */
  hear(bytes: Buffer): 'stranger' | 'outbid' | undefined {
    this.#said = Buffer.concat([this.#said, bytes])
    if (this.stage === 'called' && this.#said.length >= GREETING_BYTES) {
      const greeting = this.#take(GREETING_BYTES)
      if (!isGreeting(greeting)) return 'stranger'
      this.#claim = makeClaim(this.#secret, greeting)
      this.#claimTo(this.#claim)
      this.stage = 'claimed'
    }
    if (this.stage === 'claimed' && this.#said.length >= ANSWER_BYTES) {
      this.#answer = readAnswer(this.#secret, this.#claim, this.#take(ANSWER_BYTES))
      if (this.#answer === undefined) return 'stranger'
      this.stage = 'answered'
    }
    return this.stage === 'answered' && this.#said.length > 0 ? 'outbid' : undefined
  }

  /** What the end of the talk means. @param isLate it was this side that has ended it */
  end(isLate: boolean): Told {
    const answer = this.#answer
    if (answer === undefined) return { kind: isLate ? 'silent' : 'mute' }
    return isLate ? { kind: 'stuck', process: answer.process } : { kind: 'gone', answer }
  }

  #take(count: number): Buffer {
    const taken = this.#said.subarray(0, count)
    this.#said = this.#said.subarray(count)
    return taken
  }
}
