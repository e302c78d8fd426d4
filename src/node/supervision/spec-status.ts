// pure
/** How a spec stands, as every node of the mesh can tell. */

import type { Failure } from '../../protocol/failure.ts'
import type { SpecKind } from '../../protocol/spec-row.ts'

export type SpecStatus =
  /** No live node can run it, or some of it; `reason` says what such a node must have. */
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

/** One for all that stand so: there may be very many. */
export const STARTING: SpecStatus = { kind: 'starting' }
export const RUNNING: SpecStatus = { kind: 'running' }

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

/** Why something is down, and how to start it again, for the end of a message. */
export function becauseOf(status: DownStatus, kind: SpecKind, id: string): string {
  return `${reasonOf(status)}; ${howToRevive(kind, id)}`
}

/** What waits for a node that can run it, for the end of a message. */
export function pendingText(id: string, reason: string): string {
  return `"${id}" is pending, ${reason}`
}

/** Which method starts a spec again, whatever has ended it, for the end of a message. */
function howToRevive(kind: SpecKind, id: string): string {
  return `node.${RESTARTS[kind]}("${id}") starts it again`
}

const RESTARTS = { worker: 'restartWorker', group: 'restartGroup', chain: 'restartChain' } as const

function reasonOf(status: DownStatus): string {
  if (status.kind === 'stopped') return ': it was stopped'
  const { failure } = status
  const why = failure === undefined ? '' : `: ${failure.name}: ${failure.message}`
  return status.kind === 'gave-up' ? `, it failed too often${why}` : why
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
