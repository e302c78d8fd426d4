// shell
/**
 * A lock that the system itself gives back when its process ends, however it ends: a name that one process at a time
 * can listen on. Linux and Windows forget such names with the process; elsewhere it is a socket file, and a file at
 * which nobody answers is one that was left behind.
 */

import { once } from 'node:events'
import { rename, rm } from 'node:fs/promises'
import { type Server, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'

export interface Lock {
  release(): Promise<void>
}

/** How the system names what a process listens on. */
export type LockKind = 'abstract' | 'pipe' | 'file'

/**
 * @param name only who may read the folder knows it, so that nobody else can hold the lock
 * @returns undefined when another process, or another part of this one, holds it
 */
export async function takeLock(folder: string, name: string, kind = lockKind()): Promise<Lock | undefined> {
  switch (kind) {
    case 'abstract':
      return listen(`\0meshvisor-${name}`)
    case 'pipe':
      return listen(`\\\\.\\pipe\\meshvisor-${name}`)
    default:
      return takeFile(join(folder, 'lock'))
  }
}

function lockKind(): LockKind {
  if (process.platform === 'win32') return 'pipe'
  return process.platform === 'linux' ? 'abstract' : 'file'
}

async function takeFile(path: string): Promise<Lock | undefined> {
  const lock = await listen(path)
  if (lock !== undefined || (await isAnswered(path))) return lock
  // Moved away before it is removed: should somebody have taken the lock just now, it is put back.
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  await rename(path, aside).catch(() => {})
  if (await isAnswered(aside)) {
    await rename(aside, path)
    return undefined
  }
  await rm(aside, { force: true })
  return listen(path)
}

async function listen(path: string): Promise<Lock | undefined> {
  const server = createServer(socket => socket.destroy())
  server.listen(path)
  try {
    await once(server, 'listening')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined
    throw error
  }
  // It must not keep a process alive that has nothing else to do.
  server.unref()
  return { release: () => close(server) }
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
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
