// shell
/**
 * What a newcomer and the holder of a lock say to each other. The name of a lock is no secret on a machine, so to call
 * proves nothing: each shows that it has the key, by a code over two numbers that nobody has used before.
 *
 *     holder:   greeting = what this is, a number
 *     newcomer: claim    = a number of its own, its process, a code
 *     holder:   answer   = the number of the run that takes its place, its process, a code
 *     holder:   one byte more, where somebody has come after that newcomer
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** The last digit is the version. A node that does not know it says nothing. */
const MAGIC = Buffer.from('mv-lock1')
const NONCE_BYTES = 32
const CODE_BYTES = 32
const PROCESS_BYTES = 4
const BOOT_BYTES = 8

export const GREETING_BYTES = MAGIC.length + NONCE_BYTES
export const CLAIM_BYTES = NONCE_BYTES + PROCESS_BYTES + CODE_BYTES
export const ANSWER_BYTES = BOOT_BYTES + PROCESS_BYTES + CODE_BYTES
/** Somebody has asked later, and is the one who takes the place. */
export const OUTBID = Buffer.from([1])

export interface Answer {
  /** The number that the run of the newcomer has at least. */
  readonly boot: number
  /** The id of the process of the holder: for people. */
  readonly process: number
}

/** What only those who have the key of the node know. */
export function lockSecret(key: Uint8Array): Buffer {
  return createHmac('sha256', key).update('meshvisor lock secret').digest()
}

export function makeGreeting(): Buffer {
  return Buffer.concat([MAGIC, randomBytes(NONCE_BYTES)])
}

export function isGreeting(bytes: Buffer): boolean {
  return bytes.length === GREETING_BYTES && bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

export function makeClaim(secret: Buffer, greeting: Buffer): Buffer {
  const body = Buffer.alloc(NONCE_BYTES + PROCESS_BYTES)
  randomBytes(NONCE_BYTES).copy(body)
  body.writeUInt32BE(process.pid, NONCE_BYTES)
  return sealed(body, secret, 'claim', greeting)
}

/** @returns the id of the process that asks; undefined when it does not have the key */
export function readClaim(secret: Buffer, greeting: Buffer, claim: Buffer): number | undefined {
  if (claim.length !== CLAIM_BYTES) return undefined
  return unsealed(claim, secret, 'claim', greeting)?.readUInt32BE(NONCE_BYTES)
}

export function makeAnswer(secret: Buffer, claim: Buffer, boot: number): Buffer {
  const body = Buffer.alloc(BOOT_BYTES + PROCESS_BYTES)
  body.writeDoubleBE(boot)
  body.writeUInt32BE(process.pid, BOOT_BYTES)
  return sealed(body, secret, 'answer', claim)
}

/** @returns undefined when whoever answers does not have the key */
export function readAnswer(secret: Buffer, claim: Buffer, answer: Buffer): Answer | undefined {
  if (answer.length !== ANSWER_BYTES) return undefined
  const body = unsealed(answer, secret, 'answer', claim)
  return body && { boot: body.readDoubleBE(), process: body.readUInt32BE(BOOT_BYTES) }
}

type What = 'claim' | 'answer'

function sealed(body: Buffer, secret: Buffer, what: What, before: Buffer): Buffer {
  return Buffer.concat([body, code(secret, what, before, body)])
}

/** @returns the body; undefined when the code is not that of the secret */
function unsealed(message: Buffer, secret: Buffer, what: What, before: Buffer): Buffer | undefined {
  const body = message.subarray(0, -CODE_BYTES)
  const isTrue = timingSafeEqual(message.subarray(-CODE_BYTES), code(secret, what, before, body))
  return isTrue ? body : undefined
}

/** Over all that was said before: a claim holds the number of the newcomer, and its code that of the holder. */
function code(secret: Buffer, what: What, before: Buffer, body: Buffer): Buffer {
  return createHmac('sha256', secret).update(what).update(before).update(body).digest()
}
