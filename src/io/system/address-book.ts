// pure
/** Who was in the mesh, and where: what a node that comes back dials first. Bounded, and it forgets. */

import * as v from 'valibot'

/** So many are kept; who was not seen for longest goes first. */
export const KNOWN_PEERS_MAX = 256
/** After a month, an address more likely belongs to something else. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000
const ADDRESSES_MAX = 16
const TEXT_MAX = 1024

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(TEXT_MAX))
const knownPeer = v.object({ id: text, addresses: v.array(text), seenMs: v.number() })

export interface KnownPeer {
  readonly id: string
  readonly addresses: readonly string[]
  /** Milliseconds since 1970. */
  readonly seenMs: number
}

export class AddressBook {
  readonly #wallMs: () => number
  /** Who was seen last comes last. */
  readonly #peers = new Map<string, KnownPeer>()
  /** Those of them who have come in this run, and are still there. */
  readonly #present = new Set<string>()
  #hasMet = false

  constructor(peers: readonly KnownPeer[], wallMs: () => number) {
    this.#wallMs = wallMs
    for (const peer of peers.toSorted((a, b) => a.seenMs - b.seenMs)) this.#put(peer)
  }

  note(id: string, addresses: readonly string[]): void {
    if (addresses.length === 0) return
    this.#put({ id, addresses: addresses.slice(0, ADDRESSES_MAX), seenMs: this.#wallMs() })
    this.#present.add(id)
    this.#hasMet = true
  }

  /** Somebody is not there any more: from now on, nobody has seen it. */
  part(id: string): void {
    this.#see(id)
    this.#present.delete(id)
  }

  /** Whoever has come in this run, and is there, was there since: a node that runs for months forgets none of them. */
  refresh(): void {
    for (const id of this.#present) this.#see(id)
  }

  /** Whether somebody has come in this run. */
  get hasMet(): boolean {
    return this.#hasMet
  }

  /** Who was seen last comes first. */
  peers(): readonly KnownPeer[] {
    const sinceMs = this.#wallMs() - KEPT_MS
    return [...this.#peers.values()].filter(({ seenMs }) => seenMs >= sinceMs).toReversed()
  }

  toText(): string {
    return `${JSON.stringify(this.peers(), undefined, 2)}\n`
  }

  #see(id: string): void {
    const peer = this.#peers.get(id)
    if (peer !== undefined && this.#present.has(id)) this.#peers.set(id, { ...peer, seenMs: this.#wallMs() })
  }

  #put(peer: KnownPeer): void {
    this.#peers.delete(peer.id)
    this.#peers.set(peer.id, peer)
    const [oldest] = this.#peers.keys()
    if (this.#peers.size <= KNOWN_PEERS_MAX || oldest === undefined) return
    this.#peers.delete(oldest)
    this.#present.delete(oldest)
  }
}

/**
 * What is no list of peers is an empty one: it is a help, and nothing depends on it.
 * @param onGarbage told where there is something else than such a list; an empty file is none
 */
export function readAddressBook(
  bytes: Uint8Array | undefined,
  wallMs: () => number,
  onGarbage: (found: string) => void = () => {},
): AddressBook {
  const found = new TextDecoder().decode(bytes)
  if (found.trim() === '') return new AddressBook([], wallMs)
  const result = v.safeParse(v.array(knownPeer), parsed(found))
  if (!result.success) onGarbage(found)
  return new AddressBook(result.success ? result.output : [], wallMs)
}

/** @returns undefined: it is no JSON */
function parsed(found: string): unknown {
  try {
    return JSON.parse(found)
  } catch {
    return undefined
  }
}
