// pure
/**
 * What a node puts up with from others. Whoever is in the mesh is trusted, but not to be without bugs: no peer, however
 * broken, makes a node grow without bound or keeps it from its work, but by what it declares: every node holds every spec,
 * and how many there are is up to whoever declares them. The limits of sizes are beside what they limit:
 * `CONTROL_FRAME_BYTES_MAX`, `PAYLOAD_BYTES_MAX`, `FRAME_BYTES_MAX`; so are those of rows: `STRAYS_MAX`, `TOLD_MAX`,
 * `OVER_MAX`, `TOMBSTONES_MAX`; so is how much a peer is told of what it asks for: `ANSWERED`; those of connections are in
 * `io/libp2p`.
 */

import type { Rate } from '../rate-limit.ts'

/**
 * Messages of one peer on the control lane; more end the session. A node that declares or restarts ten thousand workers
 * at once sends a few messages for each; reading 5,000 a second takes about a quarter of a core.
 */
export const CONTROL_MESSAGES: Rate = { perSecond: 5_000, burst: 50_000 }

/**
 * What a node passes on for others, all of them together; more is dropped, as whoever gets no answer asks again. Half of
 * what a peer takes from it: however much others send by way of this node, nobody hangs up on it for that.
 */
export const RELAYED: Rate = { perSecond: CONTROL_MESSAGES.perSecond / 2, burst: CONTROL_MESSAGES.burst / 2 }

/**
 * News that a node tells everybody as soon as there is some; what is beyond that goes together, a millisecond later. Whatever
 * others make it say, as by made-up claims that it takes back: with what it passes on and probes for others, that is no more
 * than a peer takes from it.
 */
export const NEWS: Rate = {
  perSecond: CONTROL_MESSAGES.perSecond / 5,
  burst: (CONTROL_MESSAGES.burst * 2) / 5,
}

/** With more sessions than this, a node does not push what it has heard of members to everybody: probes carry it. */
export const PUSHED_MAX = 64

/** Gossip of all peers together; more is dropped. Rows say it too, and gossipsub is good for less than that. */
export const HINTS: Rate = { perSecond: 2_000, burst: 10_000 }

/** Nothing larger is sent by gossip, which keeps and repeats what it carries. */
export const HINT_BYTES_MAX = 32 * 1024

/** Nodes that multicast claims to have found; more are dropped. Anybody in the network can claim them. */
export const DISCOVERIES: Rate = { perSecond: 20, burst: 500 }

/** Channels that a peer may have open in one session: one for each worker and generation that it speaks to. */
export const CHANNELS_MAX = 100_000

/**
 * Rows that a node has sent out and of which somebody has not said yet that it has taken them in; of more, the word on the
 * oldest is not waited for any more, but by those who have declared something, and have a time-out. Who answers, does so in
 * order, so it is as many messages behind then: as many as come in three seconds at the pace of `CONTROL_MESSAGES`, by when
 * one that has stood still is mostly out. Each takes up to a kilobyte.
 */
export const ASKS_MAX = 16_384

/** So long a peer that broke the protocol is not let in again, so that it does not come back a thousand times a second. */
export const SHUT_OUT_MS = 30_000
