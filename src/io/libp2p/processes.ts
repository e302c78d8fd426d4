// shell
/**
 * Which process is at the other end of each connection. A node that was started anew has the id that it had before, and
 * the session with its earlier run may look alive for long, where nothing has told that it is over.
 */

/** What libp2p hands on from the socket to the connection that it makes of it. */
interface Line {
  readonly timeline: object
}

export class Processes {
  /** By the timelines of their connections. */
  readonly #names = new WeakMap<object, string>()

  /** The other end says which process it is. */
  note({ timeline }: Line, name: string): void {
    this.#names.set(timeline, name)
  }

  /** Whether two connections with one peer lead to the same process of it, as far as it says. */
  isSame(one: Line, other: Line): boolean {
    return this.#names.get(one.timeline) === this.#names.get(other.timeline)
  }
}
