// pure
/**
 * What nodes say by multicast: the question who is there, and the answer where one of them listens. They are messages of
 * mDNS (RFC 1035 section 4, RFC 6762), laid out as libp2p does it (https://github.com/libp2p/specs/blob/master/discovery/mdns.md),
 * as everything on that port of the network has to be. All else that is said there is left unread.
 */

import {
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  type Packet,
  decode,
  encode,
  encodingLength,
} from 'dns-packet'

export type MulticastMessage =
  | { readonly kind: 'question' }
  /** `texts`: addresses, or whatever else somebody says in their place. */
  | { readonly kind: 'answer'; readonly texts: readonly string[] }

/** RFC 1035, section 4.1.1: the numbers of the questions and of three kinds of records are its last four words. */
const [HEADER_BYTES, COUNTS] = [12, [4, 6, 8, 10]] as const
const TTL_S = 120
/** RFC 1035, section 2.3.4. What is longer, the library would write with a wrong length. */
const [LABEL_BYTES_MAX, TEXT_BYTES_MAX] = [63, 255]
/** A packet of the Ethernet, without the heads of IP and UDP: what is larger comes in pieces, of which one may be lost. */
const ANSWER_BYTES_MAX = 1_400
/** The same with them. What is larger is not of the mesh. */
const MESSAGE_BYTES_MAX = 1_500
/**
 * Of questions and records; nodes write two at most, whoever passes on what he has heard may put several nodes into one. The
 * library makes room for as many as are announced before it reads the first; and a record that ends beyond the end makes it
 * begin anew at the start, for each of those that are left. Within both limits the worst takes it a millisecond or two.
 */
const RECORDS_MAX = 8
const ADDRESS_PREFIX = 'dnsaddr='

/** Asks the nodes of a mesh where they are. @param tag the name of a service, such as `_mv-0123._udp.local` */
export function encodeQuestion(tag: string): Uint8Array {
  return encode({ type: 'query', questions: [{ name: tag, type: 'PTR' }] })
}

/** Says where a node is. @param addresses the most important first: as many as there is room for, which is for about a dozen */
export function encodeAnswer(tag: string, instance: string, addresses: readonly string[]): Uint8Array {
  const name = `${instance.slice(0, LABEL_BYTES_MAX)}.${tag}`
  const texts = addresses
    .map(address => Buffer.from(ADDRESS_PREFIX + address))
    .filter(text => text.length <= TEXT_BYTES_MAX)
  const packet: Packet = {
    type: 'response',
    flags: AUTHORITATIVE_ANSWER,
    answers: [
      { name: tag, type: 'PTR', ttl: TTL_S, data: name },
      { name, type: 'TXT', ttl: TTL_S, data: texts },
    ],
  }
  while (encodingLength(packet) > ANSWER_BYTES_MAX) texts.pop()
  return encode(packet)
}

/**
 * Whether it can be of the mesh: a cheap look, as most of what is said there is of printers. However names are written, the
 * tag is somewhere in each message of the mesh.
 */
export function isWorthReading(tag: string, bytes: Uint8Array): boolean {
  const buffer = bufferOf(bytes)
  if (buffer.length < HEADER_BYTES || buffer.length > MESSAGE_BYTES_MAX) return false
  const count = COUNTS.reduce((sum, at) => sum + buffer.readUInt16BE(at), 0)
  const [service = ''] = tag.split('.')
  return count <= RECORDS_MAX && buffer.includes(service)
}

/** @returns undefined when it cannot be read, or has nothing to do with `tag` */
export function decodeMulticast(tag: string, bytes: Uint8Array): MulticastMessage | undefined {
  const packet = isWorthReading(tag, bytes) ? read(bytes) : undefined
  if (packet === undefined) return undefined
  const { questions = [], answers = [], authorities = [], additionals = [] } = packet
  if (packet.type !== 'response') return questions.some(isOf(tag)) ? { kind: 'question' } : undefined
  const records = [...answers, ...authorities, ...additionals]
  if (!records.some(isOf(tag))) return undefined
  const texts = records.flatMap(each =>
    each.type === 'TXT' && each.name.endsWith(`.${tag}`) ? [each.data].flat().map(String) : [],
  )
  const addresses = texts.flatMap(text =>
    text.startsWith(ADDRESS_PREFIX) ? [text.slice(ADDRESS_PREFIX.length)] : [],
  )
  return { kind: 'answer', texts: addresses }
}

/** Whether it is about the nodes of the mesh: who asks for everything (`ANY`) asks for them too. */
function isOf(tag: string): (each: { readonly name: string; readonly type: string }) => boolean {
  return ({ name, type }) => name === tag && (type === 'PTR' || type === 'ANY')
}

/** @returns undefined when it is no such message */
function read(bytes: Uint8Array): DecodedPacket | undefined {
  try {
    return decode(bufferOf(bytes))
  } catch {
    return undefined
  }
}

/** The same memory. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
