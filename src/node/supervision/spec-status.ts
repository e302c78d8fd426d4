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
  /** It could not start: it stays down until it is restarted. */
  | { readonly kind: 'failed'; readonly failure: Failure | undefined }
  /** It failed too often: it stays down until it is restarted. */
  | {
      readonly kind: 'gave-up'
      readonly failure: Failure | undefined
      /** Why it failed the last times, newest first, at most `FAILURES_KEPT_MAX`; the first is `failure`. */
      readonly failures: readonly Failure[]
    }
  /** Something of it still runs, and it is to be stopped or removed. */
  | { readonly kind: 'stopping' }
  /** A user has stopped it: it stays declared, and down until it is restarted. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'removed' }

/** The status of something that will not run again on its own. */
export type DownStatus = Extract<SpecStatus, { kind: 'done' | 'failed' | 'gave-up' | 'stopped' }>

export function isDown(status: SpecStatus | undefined): status is DownStatus {
  switch (status?.kind) {
    case 'done':
    case 'failed':
    case 'gave-up':
    case 'stopped':
      return true
    default:
      return false
  }
}

/** Why something is down, for the end of a message; empty where there is no reason. */
export function becauseOf(status: DownStatus): string {
  if (status.kind === 'stopped') return ': it was stopped'
  return status.failure === undefined ? '' : `: ${status.failure.name}: ${status.failure.message}`
}

/** One line for a person. */
export function describeStatus(status: SpecStatus | undefined): string {
  switch (status?.kind) {
    case 'pending':
      return status.reason
    case 'restarting':
    case 'done':
    case 'failed':
    case 'gave-up': {
      const { failure } = status
      return failure === undefined ? status.kind : `${failure.name}: ${failure.message} (${failure.slot})`
    }
    default:
      return status?.kind ?? 'unknown'
  }
}

/** Why something that no live node can run does not run. */
export function pendingFor(wants: Iterable<string>): SpecStatus {
  return { kind: 'pending', reason: `no live node has all of: ${[...new Set(wants)].join(', ')}` }
}
