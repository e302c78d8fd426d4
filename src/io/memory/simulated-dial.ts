// shell
/**
 * One dial on the simulated network, as libp2p opens a session: a connection, then its streams, so that whoever is
 * dialled has the session first. Of two that cross, both may be up for a moment, and both sides keep the same one.
 */

import type { NodeId } from '../../ids.ts'
import type { DialFailure } from '../../ports.ts'
import type { SimulatedHost } from './simulated-host.ts'
import type { SimulatedSession, Wire } from './simulated-session.ts'

/** What the libp2p transport says to a session when a later one with the same peer comes up, or an earlier one stays. */
const REPLACED = 'another session has taken its place'
const SPARE = 'there is a session already'

const SHUT_OUT = 'shut out for a while'

/** The limits of the libp2p transport: for its streams, and for dials that cross. */
const OPENING_TIMEOUT_MS = 20_000
const CROSSING_MS = 5_000

/** Where nodes find each other. */
export interface Exchange extends Wire {
  findHost(id: NodeId): SimulatedHost | undefined
  isCut(a: NodeId, b: NodeId): boolean
  /** A connection of which nobody has made anything yet. */
  connect(dialler: SimulatedHost, listener: SimulatedHost): SimulatedSession
}

export class SimulatedDial {
  readonly #exchange: Exchange
  readonly #dialler: SimulatedHost
  readonly #key: string

  constructor(exchange: Exchange, dialler: SimulatedHost, key: string) {
    this.#exchange = exchange
    this.#dialler = dialler
    this.#key = key
  }

  begin(to: NodeId | undefined): void {
    const { clock } = this.#exchange
    const { id } = this.#dialler
    if (to === undefined || to === id) clock.after(0, () => this.#fail('self', 'self'))
    else if (this.#dialler.hasShutOut(to)) clock.after(0, () => this.#fail('handshake', SHUT_OUT))
    else if (this.#exchange.isCut(id, to)) this.#findNobody()
    // The handshake has two sides: where this one stands still, it goes on when the process does.
    else clock.after(2 * this.#exchange.delayMs(id, to), () => this.#dialler.hand(() => this.#connect(to)))
  }

  #connect(to: NodeId): void {
    const dialler = this.#dialler
    const listener = this.#exchange.findHost(to)
    if (listener === undefined) return this.#fail('refused', 'refused')
    // Its kernel takes the connection, and nobody answers the handshake; or a cut has come in between.
    if (listener.isFrozen || this.#exchange.isCut(dialler.id, to)) return this.#findNobody()
    if (listener.hasShutOut(dialler.id)) {
      listener.hand(() => listener.handlers.onRefused(dialler.id, SHUT_OUT))
      return this.#fail('handshake', 'the peer has ended the connection')
    }
    // There is a session already, with this very process.
    if (dialler.sessions.get(to)?.leadsTo(listener) === true) return this.#succeed(to)
    const opening = dialler.opening.get(to)
    if (opening !== undefined) return void opening.push(this)
    dialler.opening.set(to, [this])
    const session = this.#exchange.connect(dialler, listener)
    session.onEndedEarly(why => this.#settle(to, why))
    session.post(dialler, () => listener.hand(() => this.#accept(session, listener)))
    this.#exchange.clock.after(OPENING_TIMEOUT_MS, () => {
      dialler.hand(() => session.endEarly('no streams were opened in time'))
    })
  }

  /** Whoever was dialled has both streams. */
  #accept(session: SimulatedSession, listener: SimulatedHost): void {
    if (!session.isWhole) return
    const dialler = this.#dialler
    if (isPreferred(listener, listener.sessions.get(dialler.id), session))
      return session.close(listener, SPARE, 'reset')
    session.post(listener, () => dialler.hand(() => this.#complete(session, listener.id)))
    this.#exchange.observe(`up ${dialler.id}>${listener.id}`)
    beReady(listener, dialler.id, session)
  }

  /** Whoever has dialled has them, too. */
  #complete(session: SimulatedSession, to: NodeId): void {
    const dialler = this.#dialler
    if (!session.isOpening) return
    if (isPreferred(dialler, dialler.sessions.get(to), session)) return session.endEarly(SPARE)
    session.onEndedEarly(undefined)
    beReady(dialler, to, session)
    this.#settle(to, undefined)
  }

  /** It has come to something, for all who have waited for it, or to nothing. */
  #settle(to: NodeId, why: string | undefined): void {
    const dials = this.#dialler.opening.get(to) ?? []
    this.#dialler.opening.delete(to)
    for (const dial of dials) {
      if (why === undefined || this.#dialler.sessions.has(to)) dial.#succeed(to)
      else dial.#fail('handshake', why)
    }
  }

  #succeed(to: NodeId): void {
    this.#dialler.hand(() => this.#dialler.handlers.onDialled(this.#key, to))
  }

  /** Nobody answers: that takes its time to be found out. */
  #findNobody(): void {
    const { clock, conditions } = this.#exchange
    clock.after(conditions.dialTimeoutMs, () => this.#fail('unreachable', 'unreachable'))
  }

  #fail(failure: DialFailure, why: string): void {
    this.#exchange.observe(`dial-failed ${this.#dialler.id} ${this.#key} ${failure}`)
    this.#dialler.hand(() => this.#dialler.handlers.onDialFailed(this.#key, failure, `simulated: ${why}`))
  }
}

/** Whoever has lost a session dials: one that is still there on this side gives way. */
function beReady(host: SimulatedHost, peer: NodeId, session: SimulatedSession): void {
  const known = host.sessions.get(peer)
  host.sessions.set(peer, session)
  if (known !== undefined) {
    known.close(host, REPLACED, 'reset')
    host.handlers.onPeerDown(peer, REPLACED)
  }
  host.handlers.onPeerUp(peer)
}

/** Of two that cross, the one that the smaller id has dialled stays; otherwise the later one. */
function isPreferred(
  host: SimulatedHost,
  known: SimulatedSession | undefined,
  later: SimulatedSession,
): boolean {
  if (known === undefined || later.openedMs - known.openedMs > CROSSING_MS) return false
  const peer = later.across(host)
  if (known.across(host) !== peer) return false
  const isOurs = known.dialler === host
  if (isOurs === (later.dialler === host)) return false
  return isOurs === host.id < peer.id
}
