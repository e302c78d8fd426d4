// shell
/**
 * Errors that nobody has caught: thrown in a timer or an event listener, or the reason of a promise that nobody looks
 * at. One hook for all nodes of a process, there as long as any of them is.
 */

import type { Cancel } from '../../ports.ts'

type Listener = (error: unknown) => boolean

const listeners = new Set<Listener>()

/** Asks `listener` about errors that nobody has caught. See `Machine.onStray`. */
export function onStray(listener: Listener): Cancel {
  if (listeners.size === 0) hook()
  listeners.add(listener)
  return () => {
    if (listeners.delete(listener) && listeners.size === 0) unhook()
  }
}

function hook(): void {
  process.on('uncaughtException', onException)
  process.on('unhandledRejection', onRejection)
}

function unhook(): void {
  process.off('uncaughtException', onException)
  process.off('unhandledRejection', onRejection)
}

function isOurs(error: unknown): boolean {
  for (const listener of listeners) if (listener(error)) return true
  return false
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
