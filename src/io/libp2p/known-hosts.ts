// pure
/**
 * From which hosts nodes have come that know the secret. A handshake says who is there only when it is done; of one that
 * was cut off before, the host is all that is known.
 */

/** As many as there may be nodes in a mesh; beyond that, the one that was seen first is forgotten. */
export const KNOWN_HOSTS_MAX = 1_024

export class KnownHosts {
  readonly #hosts = new Set<string>()

  /** There was a connection with a node there that knows the secret, whichever side has dialled. */
  note(host: string): void {
    this.#hosts.delete(host)
    this.#hosts.add(host)
    const [first] = this.#hosts
    if (this.#hosts.size > KNOWN_HOSTS_MAX && first !== undefined) this.#hosts.delete(first)
  }

  has(host: string): boolean {
    return this.#hosts.has(host)
  }
}
