// shell
/** An answer that comes later, while the server goes on with its next message. */

/** What a call returns that is answered later. To the caller it is just an answer of type `T`. */
export class Deferred<out T> {
  readonly promise: Promise<T>
  /** It comes by itself; otherwise somebody is to give it, by a later message to the server for all that is known. */
  readonly isUnderWay: boolean

  /** @internal Use `deferred`. */
  constructor(promise: Promise<T>, isUnderWay: boolean) {
    this.promise = promise
    this.isUnderWay = isUnderWay
  }
}

/** The caller, who waits. Only the first answer counts. */
export interface Reply<in T> {
  readonly resolve: (value: T) => void
  /** The caller gets a `RemoteError`; the server goes on. */
  readonly reject: (reason: unknown) => void
}

/**
 * Answers a call later: when the promise settles, or when somebody calls `reply.resolve`. Meanwhile the server takes
 * its next message. If it ends before that, the caller gets a `WorkerExitedError`. A server that moves to another node
 * first waits for the promises that it has given as answers, for half of its stop time-out.
 *
 * @example
 * call: {
 *   // Whoever asks waits for the next item.
 *   next: state => deferred<string>(reply => state.waiting.push(reply)),
 *   // Many pages on their way at the same time.
 *   page: (_state, url: string) => deferred(fetch(url).then(response => response.text())),
 * }
 */
export function deferred<T>(answer: Promise<T> | ((reply: Reply<T>) => void)): Deferred<T> {
  return typeof answer === 'function'
    ? new Deferred(new Promise(ask(answer)), false)
    : new Deferred(answer, true)
}

function ask<T>(answer: (reply: Reply<T>) => void) {
  return (resolve: (value: T) => void, reject: (reason: unknown) => void): void => answer({ resolve, reject })
}
