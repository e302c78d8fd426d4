// shell
/**
 * What ends a process, and is to end only the worker that does it: errors that nobody has caught (thrown in a timer or an
 * event listener, or the reason of a promise that nobody looks at) and `process.exit`. One hook for all nodes of a
 * process, there as long as any of them is.
 */

import type { Cancel, StrayListener } from '../../ports.ts'

const listeners = new Set<StrayListener>()

/** What `process.exit` was before it was ours: other libraries replace it, too. */
let exitBefore: typeof process.exit = findExit()
let isExitOurs = false

/** The code that has called `process.exit` does not go on. */
class ProcessExit extends Error {
  override readonly name = 'ProcessExit'
}

/** Asks `listener` whose code it is that ends the process. See `Machine.onStray`. */
export function onStray(listener: StrayListener): Cancel {
  if (listeners.size === 0) hook()
  listeners.add(listener)
  return () => {
    if (listeners.delete(listener) && listeners.size === 0) unhook()
  }
}

function hook(): void {
  process.on('uncaughtException', onException)
  process.on('unhandledRejection', onRejection)
  if (isExitOurs) return
  exitBefore = findExit()
  process.exit = onExit
  isExitOurs = true
}

function unhook(): void {
  process.off('uncaughtException', onException)
  process.off('unhandledRejection', onRejection)
  // Somebody may have put a function of his own before ours: it goes on calling ours, which does what Node does.
  if (process.exit !== onExit) return
  process.exit = exitBefore
  isExitOurs = false
}

function findExit(): typeof process.exit {
  // oxlint-disable-next-line unbound-method -- it is called with its process
  return process.exit
}

/** How to end the worker whose code runs now. */
function findEnd(): ((error: unknown) => void) | undefined {
  for (const listener of listeners) {
    const end = listener()
    if (end !== undefined) return end
  }
  return undefined
}

function isOurs(error: unknown): boolean {
  const end = findEnd()
  end?.(error)
  return end !== undefined
}

/** Of a worker, it ends the worker, as it does in a thread: later in this turn, also where the error is caught. */
function onExit(code?: number | string | null): never {
  const end = findEnd()
  if (end === undefined) return exitBefore.call(process, code)
  const error = new ProcessExit(`its code has called process.exit(${code ?? process.exitCode ?? 0})`)
  queueMicrotask(() => end(error))
  throw error
}

function onException(error: unknown): void {
  if (isOurs(error) || process.listenerCount('uncaughtException') > 1) return
  // Nobody else listens: without our hook, Node would end the process now. It shall.
  unhook()
  process.nextTick(() => {
    throw error
  })
}

function onRejection(reason: unknown): void {
  if (isOurs(reason) || process.listenerCount('unhandledRejection') > 1) return
  // As above, and as the flag `--unhandled-rejections` says.
  unhook()
  void Promise.reject(reason)
  // Where the flag lets the process go on.
  setImmediate(() => {
    if (listeners.size > 0) hook()
  })
}
