// shell
/** The key of a node, which is its identity: new, or from its bytes. */

import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'

import { DataFolderError } from '../../errors.ts'

/** The bytes of a new Ed25519 key. */
export async function makeKey(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair('Ed25519'))
}

/** @throws {DataFolderError} when the bytes are no key */
export function readKey(bytes: Uint8Array, folder: string): PrivateKey {
  let key: PrivateKey | undefined
  try {
    key = privateKeyFromProtobuf(bytes)
  } catch (cause) {
    throw damaged(folder, cause)
  }
  if (key.type !== 'Ed25519') throw damaged(folder, `it is of the kind ${key.type}`)
  return key
}

/** The id of the node with that key. @throws {DataFolderError} when the bytes are no key */
export function idOf(bytes: Uint8Array, folder: string): string {
  return peerIdFromPrivateKey(readKey(bytes, folder)).toString()
}

function damaged(folder: string, cause: unknown): DataFolderError {
  const message = `the key in ${folder} is damaged: restore it, or remove the file "key" to start as a new node`
  return new DataFolderError(message, { cause })
}
