// pure
/** The time as the rules are told it. */

export interface Now {
  /** Milliseconds that only grow: for waits. */
  readonly ms: number
  /** Milliseconds since 1970: for what nodes compare. */
  readonly wallMs: number
}
