// shell
/**
 * What the nodes of one mesh have in common, and nobody else can find out who does not know the secret: what they begin
 * each handshake with, and what they ask for by multicast, which everybody in the network hears. Whoever hears it can try
 * secrets at home, as many as his machines can; so each try is made to cost what it can.
 */

import { createHash, hkdfSync, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

export interface MeshKeys {
  /** What the nodes ask the network for: nodes of other meshes do not hear it as theirs. */
  readonly tag: string
  /** The prologue of Noise. */
  readonly prologue: Uint8Array
}

const VERSION = 'meshvisor/2'
const KEY_BYTES = 32
/** As long as keeps meshes apart that share a network; it says no more of the secret than that. */
const TAG_BYTES = 8
/** Some 100 ms of a processor and 32 MiB, once when a node starts (RFC 7914): each guess costs as much. All nodes must take the same. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 }

const stretch = promisify<string, string, number, typeof COST, Buffer>(scrypt)

/** Without a secret there is nothing to be found out: it takes no time. */
export async function deriveMeshKeys(cluster: string, secret: string): Promise<MeshKeys> {
  const salt = `${VERSION}\0${cluster}`
  const root =
    secret === '' ? createHash('sha256').update(salt).digest() : await stretch(secret, salt, KEY_BYTES, COST)
  return {
    tag: `_mv-${derive(root, 'multicast', TAG_BYTES).toString('hex')}._udp.local`,
    prologue: derive(root, 'prologue', KEY_BYTES),
  }
}

/** Of what is derived for one purpose, nothing follows of what is derived for another one (RFC 5869). */
function derive(root: Buffer, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', root, '', purpose, bytes))
}
