// pure
/** How what is declared, changed or removed is made known to others, and how far it is waited for. */

import type { ACKS, UNTILS } from './wait-options.ts'
import type { WaitOptions } from './waiting.ts'

/**
 * Who must have taken in what is declared before the method returns: nobody but this node · one other node · more than
 * half of the mesh, this node included · every node of the mesh. The mesh is what this node sees of it at the moment: one
 * that sees nobody else has nobody to wait for, whatever is asked. `await node.formed(n)` waits for them.
 */
export type Ack = (typeof ACKS)[number]

/** How to declare or remove something, and how long to wait for it. */
export interface DeclareOptions extends WaitOptions {
  /**
   * Nodes that are not connected with this one answer when they are, or are again: `majority` and `all` wait for that,
   * `one` does not.
   * @default one other node, and for half a second all others: so it can be used on any of them at once
   */
  readonly ack?: Ack | undefined
}

/**
 * What of something new is waited for: that it runs · that it is declared, and known to as many nodes as `ack` says. Where
 * no live node can run it then, it is `pending`, and starts when one comes that can.
 */
export type Until = (typeof UNTILS)[number]

/** How to add something, and how far to wait for it. */
export interface AddOptions extends DeclareOptions {
  /**
   * `running`: what does not start in time is removed, and a behaviour that no live node has is refused at once.
   * `declared`: it stays, whatever becomes of it: `status` says so, and why it is `pending` or has `failed`.
   * @default 'running'
   */
  readonly until?: Until | undefined
}
