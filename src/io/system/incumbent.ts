// shell
/**
 * The side of the holder of a lock: it gives way to whoever has the key of the node, and comes later. Anybody on the
 * machine can call; who does not show the key in time is hung up on, and nothing else comes of it.
 */

import type { Socket } from 'node:net'

import { CLAIM_BYTES, OUTBID, makeAnswer, makeGreeting, readClaim } from './lock-messages.ts'

/** Visitors at a time of whom nothing is known yet. Beyond it, the oldest one goes: so the silent keep nobody out. */
const VISITORS_MAX = 8
/** A newcomer says at once what it wants. Less than it waits for: who is heard has not given up. */
export const VISIT_MS = 5_000

export interface IncumbentInit {
  readonly secret: Buffer
  readonly wallMs: () => number
  /** A process with the key has asked for the place. */
  readonly onAsked: (process: number) => void
}

export class Incumbent {
  /** The number of this run, as soon as it has one. */
  boot = 0
  readonly #init: IncumbentInit
  readonly #visitors = new Set<Socket>()
  /** Who has asked last, and takes the place. */
  #successor: { readonly socket: Socket; readonly boot: number } | undefined
  #listener: ((boot: number) => void) | undefined

  constructor(init: IncumbentInit) {
    this.#init = init
  }

  /** Says that somebody takes the place, also where that was so before: the number of the later run. */
  onReplaced(listener: (boot: number) => void): void {
    this.#listener = listener
    if (this.#successor !== undefined) listener(this.#successor.boot)
  }

  meet(socket: Socket): void {
    socket.unref()
    // What is wrong with it ends it.
    socket.on('error', () => {})
    const [oldest] = this.#visitors
    if (this.#visitors.size >= VISITORS_MAX && oldest !== undefined) this.#hangUp(oldest)
    this.#visitors.add(socket)
    const greeting = makeGreeting()
    const untilMs = performance.now() + VISIT_MS
    const timer = setTimeout(() => this.#hangUp(socket), VISIT_MS).unref()
    let said = Buffer.alloc(0)
    const listen = (bytes: Buffer): void => {
      said = Buffer.concat([said, bytes])
      if (said.length < CLAIM_BYTES) return
      clearTimeout(timer)
      socket.off('data', listen)
      // A process that was stopped for a while reads what somebody has said who is not there any more.
      const asking = performance.now() < untilMs ? readClaim(this.#init.secret, greeting, said) : undefined
      if (asking === undefined) this.#hangUp(socket)
      else this.#giveWay(socket, said, asking)
    }
    socket.on('data', listen)
    socket.once('close', () => {
      clearTimeout(timer)
      this.#visitors.delete(socket)
    })
    socket.write(greeting)
  }

  #hangUp(socket: Socket): void {
    this.#visitors.delete(socket)
    socket.destroy()
  }

  /** The socket stays open until this one has gone: that is what the other one waits for. */
  #giveWay(socket: Socket, claim: Buffer, asking: number): void {
    this.#visitors.delete(socket)
    this.#successor?.socket.end(OUTBID)
    const boot = Math.max(this.#init.wallMs(), this.boot + 1)
    this.#successor = { socket, boot }
    // Read on, as its end would not be seen otherwise.
    socket.resume()
    socket.write(makeAnswer(this.#init.secret, claim, boot))
    this.#init.onAsked(asking)
    this.#listener?.(boot)
  }
}
