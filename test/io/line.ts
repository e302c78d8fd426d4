/** A line to a transport under test: what goes through it is passed on, and a test can pull it out at either end. */

import { once } from 'node:events'
import { type Server, type Socket, connect, createServer } from 'node:net'

export class Line {
  readonly #server: Server
  /** Where new connections lead to. */
  #port: number
  readonly #near = new Set<Socket>()
  readonly #far = new Set<Socket>()
  /** How often something has come back. */
  answers = 0
  /** So often, it is passed on. */
  readonly #answersMax: number

  private constructor(port: number, answersMax: number) {
    this.#port = port
    this.#answersMax = answersMax
    this.#server = createServer(near => this.#join(near))
  }

  /** `answersMax`: what comes back after that many pieces is lost. */
  static async to(address: string, answersMax = Infinity): Promise<Line> {
    const line = new Line(portOf(address), answersMax)
    line.#server.listen(0, '127.0.0.1')
    await once(line.#server, 'listening')
    return line
  }

  /** It does not say whose it is. */
  get address(): string {
    const address = this.#server.address()
    return `/ip4/127.0.0.1/tcp/${typeof address === 'object' ? address?.port : ''}`
  }

  /** How many connections go through it. */
  get size(): number {
    return this.#near.size
  }

  /** Connections that come from now on lead there; those that there are stay. */
  turn(address: string): void {
    this.#port = portOf(address)
  }

  /** Whoever was dialled loses all connections; whoever has dialled does not hear of it. */
  cutFarEnd(): void {
    for (const socket of this.#far) socket.destroy()
  }

  /** Whoever has dialled loses all connections, and so does whoever was dialled. */
  cutNearEnd(): void {
    for (const socket of this.#near) socket.destroy()
  }

  close(): void {
    this.#server.close()
    for (const socket of [...this.#near, ...this.#far]) socket.destroy()
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#port, host: '127.0.0.1' })
    keep(near, this.#near)
    keep(far, this.#far)
    near.on('data', data => far.write(data))
    far.on('data', data => {
      this.answers += 1
      if (this.answers <= this.#answersMax) near.write(data)
    })
    near.on('close', () => far.destroy())
    // Only the end in good order is passed on.
    far.on('end', () => near.end())
    near.on('end', () => far.end())
  }
}

function keep(socket: Socket, all: Set<Socket>): void {
  all.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => all.delete(socket))
}

function portOf(address: string): number {
  return Number(address.split('/')[4])
}
