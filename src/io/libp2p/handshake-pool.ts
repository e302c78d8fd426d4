// shell
/**
 * The connections of others that are in their handshake: so many, and no more. Where there is no room, one of them has
 * to go, and not the one that comes: else whoever opens connections and says nothing would keep everybody out, for as
 * long as a handshake may take. Whoever has said nothing yet goes first, as a node that dials speaks at once; of those,
 * the one that has waited longest, of the host that has most.
 */

import { Socket } from 'node:net'

interface Handshake {
  readonly socket: Socket
  readonly host: string
}

export class HandshakePool {
  readonly #max: number
  /** Oldest first. */
  readonly #underWay = new Set<Handshake>()

  constructor(max: number) {
    this.#max = max
  }

  /** Makes room for the connection, and keeps it until `upgrade` is through. One that has no `socket` is not counted. */
  async hold<Upgraded>(connection: object, upgrade: () => Promise<Upgraded>): Promise<Upgraded> {
    if (!('socket' in connection) || !(connection.socket instanceof Socket)) return upgrade()
    const { socket } = connection
    const handshake: Handshake = { socket, host: socket.remoteAddress ?? '' }
    if (this.#underWay.size >= this.#max) this.#end(this.#choose())
    this.#underWay.add(handshake)
    try {
      return await upgrade()
    } finally {
      this.#underWay.delete(handshake)
    }
  }

  #choose(): Handshake | undefined {
    const all = [...this.#underWay]
    const silent = all.filter(({ socket }) => socket.bytesRead === 0)
    const candidates = silent.length > 0 ? silent : all
    const counts = new Map<string, number>()
    for (const { host } of candidates) counts.set(host, (counts.get(host) ?? 0) + 1)
    const most = Math.max(...counts.values())
    return candidates.find(({ host }) => counts.get(host) === most)
  }

  /** As if the other side had hung up: libp2p knows what to do then. */
  #end(handshake: Handshake | undefined): void {
    if (handshake === undefined) return
    this.#underWay.delete(handshake)
    handshake.socket.destroy()
  }
}
