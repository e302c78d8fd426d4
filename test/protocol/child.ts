import type { ChildSpec } from '../../src/protocol/spec-row.ts'

/** Some worker: what it is makes no difference. */
export const CHILD: ChildSpec = {
  behaviour: 'b@1',
  args: new Uint8Array(),
  restart: 'permanent',
  startTimeoutMs: 1,
  stopTimeoutMs: 1,
  isolation: 'inline',
  limits: { heartbeatMs: 1 },
}
