// shell
/**
 * Who may open a channel to a worker, or the entrance, of this node, in one generation of a chain: the node of a worker
 * for that worker, and any node for its own entrance, of which the newest run counts. What has come that way is known
 * for as long as the generation, over all sessions, so that nothing is taken twice: that is no more than there are
 * workers and nodes.
 */

import type { NodeId } from '../../ids.ts'
import type { Target } from '../../protocol/channel.ts'
import type { PlacedSlot } from '../../protocol/phase.ts'
import type { Session } from '../messaging/session.ts'

/** What leads to a chain. */
export type ChainTarget = Target & { readonly kind: 'link' | 'return' }

/** A way in, over as many sessions as it takes. */
interface Way<Inlet> {
  readonly inlet: Inlet
  /** Of the run of an entrance; 0 for a worker. */
  readonly boot: number
  /** The session in which it was made, which it does not keep, and how many of its kind were made in that before. */
  readonly session: WeakRef<Session>
  readonly earlier: number
}

/** In one session, a node that joins may find now and then that it needs a larger boot. Each run is given credit of its own. */
const RUNS_MAX = 4

export class Admissions<Inlet extends { detach(): void }> {
  readonly #owners: ReadonlyMap<string, NodeId>
  readonly #ways = new Map<string, Way<Inlet>>()

  constructor(layout: readonly PlacedSlot[]) {
    this.#owners = new Map(layout.map(({ slot, owner }) => [slot, owner.id]))
  }

  /** How many ways in are known. */
  get size(): number {
    return this.#ways.size
  }

  /** @returns the way in, the same each time; undefined: the peer may not send to there, or `make` finds nothing there */
  admit(
    target: ChainTarget,
    session: Session,
    make: (origin: NodeId | undefined) => Inlet | undefined,
  ): Inlet | undefined {
    const { peer } = session
    const { from } = target
    const owner = this.#owners.get(from)
    const boot = owner === undefined && target.kind === 'link' ? bootOf(from, peer) : 0
    if (boot === undefined || (boot === 0 && owner !== peer)) return undefined
    const key = `${boot === 0 ? from : peer}>${target.kind === 'link' ? target.to : ''}`
    const known = this.#ways.get(key)
    if (known?.boot === boot) return known.inlet
    const earlier = known?.session.deref() === session ? known.earlier + 1 : 0
    if ((known !== undefined && known.boot > boot) || earlier >= RUNS_MAX) return undefined
    const inlet = make(boot === 0 ? undefined : peer)
    if (inlet === undefined) return undefined
    known?.inlet.detach()
    this.#ways.set(key, { inlet, boot, session: new WeakRef(session), earlier })
    return inlet
  }

  /** The generation is over. */
  end(): void {
    for (const { inlet } of this.#ways.values()) inlet.detach()
    this.#ways.clear()
  }
}

/** Of a run of the node, as its entrance names itself: `ID.BOOT`. */
function bootOf(from: string, node: NodeId): number | undefined {
  const boot = Number(from.slice(node.length + 1))
  return boot > 0 && from === `${node}.${boot}` ? boot : undefined
}
