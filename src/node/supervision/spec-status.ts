// pure
/** How a spec stands, as every node of the mesh can tell. */

import type { Failure } from '../../protocol/failure.ts'

export type SpecStatus =
  /** No live node can run it. */
  | { readonly kind: 'pending'; readonly reason: string }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running' }
  /** It has failed, and will start again. */
  | { readonly kind: 'restarting'; readonly failure: Failure | undefined }
  /** It has ended, as its restart type allows. */
  | { readonly kind: 'done'; readonly failure: Failure | undefined }
  /** It could not start, or failed too often: it stays down. */
  | { readonly kind: 'failed'; readonly failure: Failure | undefined }
  /** It is removed, and some of its workers have not stopped yet. */
  | { readonly kind: 'stopping' }
  | { readonly kind: 'removed' }

/** Why something that no live node can run does not run. */
export function pendingFor(behaviours: Iterable<string>): SpecStatus {
  return { kind: 'pending', reason: `no live node has all of: ${[...new Set(behaviours)].join(', ')}` }
}
