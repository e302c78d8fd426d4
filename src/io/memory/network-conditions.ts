// pure
/** How well a simulated network carries what it is given. */

export interface NetworkConditions {
  /** Every message takes at least this long. @default 1 */
  readonly latencyMs: number
  /** And up to this much longer, drawn for each. @default 1 */
  readonly jitterMs: number
  /** Every link takes up to this much longer, always as much: drawn for each. @default 0 */
  readonly spreadMs: number
  /** What a link carries in a millisecond each way, gossip aside, above 0. @default Infinity */
  readonly bytesPerMs: number
  /** The probability that a gossip message does not arrive somewhere. @default 0 */
  readonly hintLoss: number
  /** The probability that a gossip message arrives twice. @default 0 */
  readonly hintEcho: number
  /** The probability that a packet is lost, and comes late, as it is sent again: up to five times. @default 0 */
  readonly packetLoss: number
  /** How long a session survives without anything getting through. @default 15_000 */
  readonly sessionTimeoutMs: number
  /** How long it takes to find out that nobody answers. @default 3_000 */
  readonly dialTimeoutMs: number
}

export const CALM: NetworkConditions = {
  latencyMs: 1,
  jitterMs: 1,
  spreadMs: 0,
  bytesPerMs: Infinity,
  hintLoss: 0,
  hintEcho: 0,
  packetLoss: 0,
  sessionTimeoutMs: 15_000,
  dialTimeoutMs: 3_000,
}
