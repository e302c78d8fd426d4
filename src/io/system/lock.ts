// shell
/**
 * A lock that the system itself gives back when its process ends, however it ends: a name that one process at a time
 * can listen on. Linux and Windows forget such names with the process; elsewhere it is a socket file, and a file at
 * which nobody answers is one that was left behind. Whoever finds it held can talk with its holder.
 */

import { once } from 'node:events'
import { rename, rm } from 'node:fs/promises'
import { type Server, type Socket, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'

export interface Lock {
  /** Others can take it from then on; whoever has called is hung up on. */
  release(): Promise<void>
}

/** How the system names what a process listens on. */
export type LockKind = 'abstract' | 'pipe' | 'file'

export interface LockPlace {
  readonly folder: string
  /** Only who may read the folder can work it out; but where a process listens on it, others may see it. */
  readonly name: string
  /** @default what this system has */
  readonly kind?: LockKind
}

/** @returns undefined when another process, or another part of this one, holds it */
export async function takeLock(
  place: LockPlace,
  onVisitor: (socket: Socket) => void,
): Promise<Lock | undefined> {
  const path = pathOf(place)
  return kindOf(place) === 'file' ? takeFile(path, onVisitor) : listen(path, onVisitor)
}

/** Calls whoever holds the lock. Where nobody does, the socket says so by an error. */
export function callHolder(place: LockPlace): Socket {
  return connect(pathOf(place))
}

function kindOf({ kind }: LockPlace): LockKind {
  if (kind !== undefined) return kind
  if (process.platform === 'win32') return 'pipe'
  return process.platform === 'linux' ? 'abstract' : 'file'
}

function pathOf(place: LockPlace): string {
  switch (kindOf(place)) {
    case 'abstract':
      return `\0meshvisor-${place.name}`
    case 'pipe':
      return `\\\\.\\pipe\\meshvisor-${place.name}`
    default:
      return join(place.folder, 'lock')
  }
}

async function takeFile(path: string, onVisitor: (socket: Socket) => void): Promise<Lock | undefined> {
  const lock = await listen(path, onVisitor)
  if (lock !== undefined || (await isAnswered(path))) return lock
  // Moved away before it is removed: should somebody have taken the lock just now, it is put back.
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  await rename(path, aside).catch(() => {})
  if (await isAnswered(aside)) {
    await rename(aside, path)
    return undefined
  }
  await rm(aside, { force: true })
  return listen(path, onVisitor)
}

async function listen(path: string, onVisitor: (socket: Socket) => void): Promise<Lock | undefined> {
  const visitors = new Set<Socket>()
  const server = createServer(socket => {
    visitors.add(socket)
    socket.once('close', () => visitors.delete(socket))
    onVisitor(socket)
  })
  server.listen(path)
  try {
    await once(server, 'listening')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined
    throw error
  }
  // It must not keep a process alive that has nothing else to do.
  server.unref()
  return { release: () => close(server, visitors) }
}

/** First the name, then the visitors: who waits for the end of the holder finds the name free. */
async function close(server: Server, visitors: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  for (const socket of visitors) socket.destroy()
  await closed
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
