// shell
/**
 * The sockets of multicast: one that hears what is said in all networks of the machine, and one for each of them to speak
 * by. A packet leaves by one interface only; which one, the system decides by its routes, and a machine without a way to
 * the internet often has none. All of it changes while a node runs.
 */

import { type Socket, createSocket } from 'node:dgram'
import { once } from 'node:events'
import os from 'node:os'

/** Of mDNS (RFC 6762, section 3): what reaches all machines of a network, and passes firewalls that let printers be found. */
const [GROUP, PORT] = ['224.0.0.251', 5_353] as const
/** So often the interfaces of the machine are looked at. */
const LOOK_EVERY_MS = 5_000
/** A machine with containers has many; what speaks on more of them speaks to itself. */
const INTERFACES_MAX = 16
/** Linux lets a socket hear on so many (`igmp_max_memberships`). */
const MEMBERSHIPS_MAX = 20
/** So many different troubles are told of. */
const TROUBLES_MAX = 64
/** RFC 6762, section 11. */
const TTL = 255

/** Something does not work, which is tried on: each is told once. */
export interface Trouble {
  /** An address of this machine; undefined: it is none of one interface. */
  readonly at: string | undefined
  readonly error: unknown
  /** There is another interface by which nodes are found: many have one that leads to nobody, such as a tunnel. */
  readonly isPartial: boolean
}

export interface MulticastSocketsInit {
  readonly onMessage: (bytes: Uint8Array) => void
  /** There is a network that was not there before. */
  readonly onNetwork: () => void
  readonly onTrouble: (trouble: Trouble) => void
}

export class MulticastSockets {
  readonly #init: MulticastSocketsInit
  /** By the addresses of their interfaces; those that are opening, too. */
  readonly #speakers = new Map<string, Socket>()
  /** The addresses of the interfaces on which it hears. */
  readonly #joined = new Set<string>()
  readonly #told = new Set<string>()
  /** The addresses of the interfaces by which nothing could be said lately. */
  readonly #failing = new Set<string>()
  #isOver = false
  #listener: Socket | undefined
  #isListening = false
  #timer: NodeJS.Timeout | undefined

  constructor(init: MulticastSocketsInit) {
    this.#init = init
  }

  start(): void {
    this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    clearInterval(this.#timer)
    const sockets = [...this.#speakers.values(), ...(this.#listener === undefined ? [] : [this.#listener])]
    this.#speakers.clear()
    this.#listener = undefined
    await Promise.all(sockets.map(closed))
  }

  /** Says it in each network. */
  say(bytes: Uint8Array): void {
    for (const [address, socket] of this.#speakers) this.#send(address, socket, bytes)
  }

  #send(address: string, socket: Socket, bytes: Uint8Array): void {
    try {
      socket.send(bytes, PORT, GROUP, error => {
        if (this.#speakers.get(address) !== socket) return
        if (error === null) this.#failing.delete(address)
        else this.#onTrouble(address, error)
      })
    } catch (error) {
      this.#onTrouble(address, error)
    }
  }

  #look(): void {
    if (this.#isOver) return
    const addresses = this.#findAddresses()
    if (addresses === undefined) return
    this.#listener ??= this.#listen()
    const others = addresses.filter(({ internal }) => !internal)
    const internal = addresses.filter(each => each.internal)
    this.#join([...others, ...internal].slice(0, MEMBERSHIPS_MAX))
    const wanted = (others.length > 0 ? others : internal)
      .slice(0, INTERFACES_MAX)
      .map(({ address }) => address)
    for (const [address, socket] of this.#speakers) if (!wanted.includes(address)) this.#drop(address, socket)
    for (const address of wanted) if (!this.#speakers.has(address)) this.#speak(address)
  }

  /** One of each interface. @returns undefined when the system does not say, as when no more files can be opened */
  #findAddresses(): os.NetworkInterfaceInfo[] | undefined {
    try {
      return Object.values(os.networkInterfaces()).flatMap(
        infos => infos?.find(({ family }) => family === 'IPv4') ?? [],
      )
    } catch (error) {
      this.#onTrouble(undefined, error)
      return undefined
    }
  }

  #listen(): Socket {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    socket.on('message', bytes => this.#init.onMessage(bytes))
    socket.on('error', error => {
      this.#onTrouble(undefined, error)
      // It is opened anew with the next look.
      if (this.#listener === socket) this.#listener = undefined
      this.#isListening = false
      this.#joined.clear()
      void closed(socket)
    })
    socket.on('listening', () => {
      this.#isListening = true
      this.#look()
    })
    socket.bind({ port: PORT, exclusive: true })
    return socket
  }

  #join(addresses: readonly os.NetworkInterfaceInfo[]): void {
    const listener = this.#listener
    if (!this.#isListening || listener === undefined) return
    const present = new Set(addresses.map(({ address }) => address))
    for (const address of this.#joined) if (!present.has(address)) this.#leave(address, listener)
    for (const address of present) {
      try {
        // Each time: one that was made anew with the address that it had is another one to the system.
        listener.addMembership(GROUP, address)
        if (this.#joined.has(address)) this.#joinAnew(address, listener)
        this.#joined.add(address)
      } catch (error) {
        if (!this.#isJoinedAlready(address, error)) this.#onTrouble(address, error)
      }
    }
  }

  /** It is another one, and was joined just now: the system keeps the one before, and counts it, until that is left too. */
  #joinAnew(address: string, listener: Socket): void {
    this.#leave(address, listener)
    this.#leave(address, listener)
    const speaker = this.#speakers.get(address)
    if (speaker !== undefined) this.#drop(address, speaker)
    listener.addMembership(GROUP, address)
  }

  /** It mostly is. What Windows says then, it says of an address that there is not, too. */
  #isJoinedAlready(address: string, error: unknown): boolean {
    const text = String(error)
    return text.includes('EADDRINUSE') || (this.#joined.has(address) && text.includes('EADDRNOTAVAIL'))
  }

  /** The system counts also those that are gone. */
  #leave(address: string, listener: Socket): void {
    this.#joined.delete(address)
    try {
      listener.dropMembership(GROUP, address)
    } catch {
      // There is nothing to leave.
    }
  }

  #speak(address: string): void {
    const socket = createSocket('udp4')
    this.#speakers.set(address, socket)
    const fail = (error: unknown): void => {
      this.#onTrouble(address, error)
      this.#drop(address, socket)
    }
    socket.on('error', fail)
    // It has a port of its own: bound to the one of the group, it would hear everything once more.
    socket.bind({ port: 0, address, exclusive: true }, () => {
      if (this.#speakers.get(address) !== socket) return
      try {
        socket.setMulticastInterface(address)
        socket.setMulticastTTL(TTL)
      } catch (error) {
        return fail(error)
      }
      this.#init.onNetwork()
    })
  }

  #drop(address: string, socket: Socket): void {
    if (this.#speakers.get(address) === socket) this.#speakers.delete(address)
    this.#failing.delete(address)
    void closed(socket)
  }

  #onTrouble(at: string | undefined, error: unknown): void {
    if (at !== undefined) this.#failing.add(at)
    const isPartial = at !== undefined && [...this.#speakers.keys()].some(each => !this.#failing.has(each))
    const text = `${at} ${isPartial} ${String(error)}`
    if (this.#isOver || this.#told.has(text) || this.#told.size >= TROUBLES_MAX) return
    this.#told.add(text)
    this.#init.onTrouble({ at, error, isPartial })
  }
}

async function closed(socket: Socket): Promise<void> {
  try {
    const end = once(socket, 'close')
    socket.close()
    await end
  } catch {
    // It was closed before.
  }
}
