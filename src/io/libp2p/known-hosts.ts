// pure
/**
 * From which hosts nodes have come that know the secret. A handshake says who is there only when it is done; of one that
 * was cut off before, the host is all that is known.
 */

/** As many as there may be nodes in a mesh; beyond that, the one that was seen first is forgotten. */
export const KNOWN_HOSTS_MAX = 1_024

const CUT_OFF =
  'the handshake broke off: members come from that address, so that most likely one of them was cut off or has ended; whoever is none says in its own log why'
const STRANGER = 'the handshake failed: another cluster name or secret, or no meshvisor'

export class KnownHosts {
  readonly #hosts = new Set<string>()

  /** There was a connection with a node there that knows the secret, whichever side has dialled. */
  note(host: string): void {
    this.#hosts.delete(host)
    this.#hosts.add(host)
    const [first] = this.#hosts
    if (this.#hosts.size > KNOWN_HOSTS_MAX && first !== undefined) this.#hosts.delete(first)
  }

  /** What is to be said of a handshake with somebody there that did not come to its end. */
  reasonOf(host: string): string {
    return this.#hosts.has(host) ? CUT_OFF : STRANGER
  }
}
