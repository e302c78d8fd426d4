// shell
/** An answer that comes later, while the server goes on with its next message. */

/** What a call returns that is answered later. To the caller it is just an answer of type `T`. */
export class Deferred<out T> {
  readonly promise: Promise<T>

  /** @internal Use `deferred`. */
  constructor(promise: Promise<T>) {
    this.promise = promise
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
 * its next message. If it ends before that, the caller gets a `WorkerExitedError`.
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
  return new Deferred(typeof answer === 'function' ? new Promise(ask(answer)) : answer)
}

function ask<T>(answer: (reply: Reply<T>) => void) {
  return (resolve: (value: T) => void, reject: (reason: unknown) => void): void => answer({ resolve, reject })
}
