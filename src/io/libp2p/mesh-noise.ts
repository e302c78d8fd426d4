// shell
/**
 * Noise, with the number of the run in what both sides say of themselves. Where the other side has the key of this node,
 * this tells the node itself, dialled by one of its own addresses, from a twin: another process with the same key.
 * libp2p refuses both alike.
 */

import { randomBytes } from 'node:crypto'

import type { ConnectionEncrypter, SecuredConnection } from '@libp2p/interface'
import { type NoiseComponents, type NoiseExtensions, noise } from '@libp2p/noise'

import { TwinError, isUndeciphered, textOf } from './dial-failure.ts'
import type { Processes } from './processes.ts'

const RUN_BYTES = 8
/** Random, to tell processes apart that were started in the same millisecond. */
const PROCESS_BYTES = 16
/** Whoever dials waits so long for the other side to hang up: only then has that read what it was told. */
const TOLD_MS = 1_000
/**
 * What is said to a node of another mesh in place of the last message of the handshake: as long as one, and nothing that
 * could be deciphered. Without it, that node could not tell another secret from a process that has ended.
 */
const FAREWELL_BYTES = 128
const FAREWELL = Buffer.concat([Buffer.from([0, FAREWELL_BYTES]), Buffer.alloc(FAREWELL_BYTES)])

export interface MeshNoiseInit {
  readonly prologueBytes: Uint8Array
  /** Those who have come and known the prologue are added. */
  readonly known: WeakSet<object>
  /** Told of everybody with whom a handshake was done. */
  readonly processes: Processes
  /** The number of this run. */
  readonly boot: () => number
  readonly onTwin: (boot: number) => void
}

type Secure = ConnectionEncrypter<NoiseExtensions>['secureInbound']
type Line = Parameters<Secure>[0]

/** An encrypter for `createLibp2p`. */
export function meshNoise(
  init: MeshNoiseInit,
): (components: NoiseComponents) => ConnectionEncrypter<NoiseExtensions> {
  const own = new Introducer(init.boot)
  // The one field that Noise of libp2p has for bytes of one's own. What it was made for, browsers only do.
  const make = noise({
    prologueBytes: init.prologueBytes,
    extensions: { webtransportCerthashes: own.texts },
  })
  return components => {
    const encrypter = make(components)
    const [outbound, inbound] = [
      encrypter.secureOutbound.bind(encrypter),
      encrypter.secureInbound.bind(encrypter),
    ]
    const isOwn = ({ remotePeer }: SecuredConnection): boolean => remotePeer.equals(components.peerId)
    const note = (line: Line, { remoteExtensions }: SecuredConnection<NoiseExtensions>): void => {
      const text = remoteExtensions?.webtransportCerthashes[0]
      if (text !== undefined) init.processes.note(line, processOf(text).toString('hex'))
    }
    const meet = ({ remoteExtensions }: SecuredConnection<NoiseExtensions>): boolean => {
      const boot = own.readOther(remoteExtensions?.webtransportCerthashes[0])
      if (boot !== undefined) init.onTwin(boot)
      return boot !== undefined
    }
    encrypter.secureOutbound = async (line, options) => {
      own.refresh()
      const secured = await outbound(line, options).catch(async (error: unknown) => {
        if (isUndeciphered(textOf(error))) await takeLeave(line)
        throw error
      })
      note(line, secured)
      if (!isOwn(secured)) return secured
      const isTwin = meet(secured)
      await closed(line)
      if (isTwin) throw new TwinError()
      return secured
    }
    encrypter.secureInbound = async (line, options) => {
      own.refresh()
      const secured = await inbound(line, options)
      init.known.add(line)
      note(line, secured)
      if (isOwn(secured)) meet(secured)
      return secured
    }
    return encrypter
  }
}

/** What this process says of itself, and what it makes of what others say. */
class Introducer {
  readonly #boot: () => number
  readonly #text = Buffer.concat([Buffer.alloc(RUN_BYTES), randomBytes(PROCESS_BYTES)])
  /** As they are now, with the next handshake. */
  readonly texts: Uint8Array[] = [this.#text]

  constructor(boot: () => number) {
    this.#boot = boot
  }

  refresh(): void {
    this.#text.writeDoubleBE(this.#boot())
  }

  /** @returns the number of a run in another process; undefined: it is this one, or does not say */
  readOther(text: Uint8Array | undefined): number | undefined {
    if (text?.length !== RUN_BYTES + PROCESS_BYTES) return undefined
    const bytes = Buffer.from(text)
    const boot = bytes.readDoubleBE()
    const isOther = !processOf(bytes).equals(processOf(this.#text))
    return isOther && Number.isSafeInteger(boot) ? boot : undefined
  }
}

/** The part of what is said that is the same as long as the process runs. */
function processOf(text: Uint8Array): Buffer {
  return Buffer.from(text.subarray(RUN_BYTES, RUN_BYTES + PROCESS_BYTES))
}

/** Lets the other side know that its answer could not be deciphered. */
async function takeLeave(line: Line): Promise<void> {
  if (line.status !== 'open') return
  line.send(FAREWELL)
  await closed(line)
}

/** Resolves when the other side has hung up, or has had the time to. */
function closed(line: Line): Promise<void> {
  if (line.status !== 'open') return Promise.resolve()
  return new Promise(resolve => {
    const timer = setTimeout(resolve, TOLD_MS)
    line.addEventListener('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
