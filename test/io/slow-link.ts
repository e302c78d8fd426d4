/** A link that carries only so much: between two ports of this machine, nothing else is slow. */

import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'

/** What is on its way between the two ends of a link, beside what the kernel holds. */
const PIECE_BYTES = 64 * 1024

export interface SlowLink extends AsyncDisposable {
  /** Leads to the other end. */
  readonly address: string
}

/** A link to a port of this machine that carries `bytesPerMs` each way. */
export async function slowLink(port: number, bytesPerMs: number): Promise<SlowLink> {
  const sockets: Socket[] = []
  const server = createServer({ highWaterMark: PIECE_BYTES }, socket => {
    const target = connect(port, '127.0.0.1')
    sockets.push(socket, target)
    for (const end of [socket, target]) end.on('error', () => {})
    void carry(socket, target, bytesPerMs)
    void carry(target, socket, bytesPerMs)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const own = typeof address === 'object' && address !== null ? address.port : 0
  return {
    address: `/ip4/127.0.0.1/tcp/${own}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Never faster, whatever its timers do; slower, where the machine is. Where one end closes, so does the other. */
async function carry(from: AsyncIterable<Buffer>, to: Socket, bytesPerMs: number): Promise<void> {
  try {
    for await (const bytes of from) {
      to.write(bytes)
      await after(bytes.length / bytesPerMs)
    }
  } catch {
    // It was closed from the other end.
  } finally {
    to.end()
  }
}
