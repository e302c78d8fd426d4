// pure
/**
 * What nodes say by multicast: the question who is there, and the answer where one of them listens. They are messages of
 * mDNS (RFC 1035 section 4, RFC 6762), laid out as libp2p does it (https://github.com/libp2p/specs/blob/master/discovery/mdns.md),
 * as everything on that port of the network has to be. All else that is said there is left unread.
 */

export type MulticastMessage =
  | { readonly kind: 'question' }
  /** `texts`: addresses, or whatever else somebody says in their place. */
  | { readonly kind: 'answer'; readonly texts: readonly string[] }

/** RFC 1035, sections 3.2.2 to 3.2.4. */
const [TXT, PTR, ANY, INTERNET] = [16, 12, 255, 1]
const HEADER_BYTES = 12
/** Of a record behind its name: type, class, time to live, length. */
const RECORD_HEAD_BYTES = 10
/** The flags of an answer: it is one, and it is authoritative. */
const [ANSWER_FLAG, ANSWER_FLAGS] = [0x80_00, 0x84_00]
const TTL_S = 120
const LABEL_BYTES_MAX = 63
const TEXT_BYTES_MAX = 255
/** A packet of the Ethernet, without the heads of IP and UDP: what is larger comes in pieces, of which one may be lost. */
const ANSWER_BYTES_MAX = 1_400
/** Of questions or records: whoever writes each address into a record of its own needs one for each of them. */
const RECORDS_MAX = 64
/** The two upper bits of a length say that the name goes on elsewhere. */
const POINTER = 0xc0
const POINTERS_MAX = 8
/** RFC 1035, section 2.3.4. */
const NAME_BYTES_MAX = 255
/** Names of the mesh have four labels. What is longer is passed over, so that it costs nothing to point to it often. */
const LABELS_MAX = 8
const ADDRESS_PREFIX = 'dnsaddr='

/** Asks the nodes of a mesh where they are. @param tag the name of a service, such as `_mv-0123._udp.local` */
export function encodeQuestion(tag: string): Uint8Array {
  return Buffer.concat([header({ flags: 0, questions: 1, records: 0 }), nameOf(tag), words(PTR, INTERNET)])
}

/** Says where a node is. @param addresses the most important first: as many as there is room for, which is for about a dozen */
export function encodeAnswer(tag: string, instance: string, addresses: readonly string[]): Uint8Array {
  const name = nameOf(`${instance.slice(0, LABEL_BYTES_MAX)}.${tag}`)
  const start = Buffer.concat([
    header({ flags: ANSWER_FLAGS, questions: 0, records: 2 }),
    ...record(nameOf(tag), PTR, name),
  ])
  const texts: Buffer[] = []
  let roomBytes = ANSWER_BYTES_MAX - start.length - name.length - RECORD_HEAD_BYTES
  for (const address of addresses) {
    const text = Buffer.from(ADDRESS_PREFIX + address)
    roomBytes -= 1 + text.length
    if (roomBytes < 0) break
    if (text.length <= TEXT_BYTES_MAX) texts.push(Buffer.from([text.length]), text)
  }
  return Buffer.concat([start, ...record(name, TXT, Buffer.concat(texts))])
}

/** @returns undefined when it cannot be read, or has nothing to do with `tag` */
export function decodeMulticast(tag: string, bytes: Uint8Array): MulticastMessage | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // Most of what is said there is of printers. However names are written, this is somewhere in each message of the mesh.
  const [service = ''] = tag.split('.')
  if (buffer.length < HEADER_BYTES || !buffer.includes(service)) return undefined
  const isAnswer = (buffer.readUInt16BE(2) & ANSWER_FLAG) !== 0
  let offset = HEADER_BYTES
  for (let left = Math.min(buffer.readUInt16BE(4), RECORDS_MAX); left > 0; left--) {
    const name = readName(buffer, offset)
    if (name === undefined || name.end + 4 > buffer.length) return undefined
    const type = buffer.readUInt16BE(name.end)
    if (!isAnswer && name.text === tag && (type === PTR || type === ANY)) return { kind: 'question' }
    offset = name.end + 4
  }
  return isAnswer ? readAnswer(tag, buffer, offset) : undefined
}

/** @param offset where the records begin: of the answer itself, and of what is said besides */
function readAnswer(tag: string, buffer: Buffer, offset: number): MulticastMessage | undefined {
  const count = buffer.readUInt16BE(6) + buffer.readUInt16BE(8) + buffer.readUInt16BE(10)
  const texts: string[] = []
  let isOfMesh = false
  for (let left = Math.min(count, RECORDS_MAX); left > 0; left--) {
    const name = readName(buffer, offset)
    if (name === undefined || name.end + RECORD_HEAD_BYTES > buffer.length) return undefined
    const type = buffer.readUInt16BE(name.end)
    const start = name.end + RECORD_HEAD_BYTES
    offset = start + buffer.readUInt16BE(start - 2)
    if (offset > buffer.length) return undefined
    isOfMesh ||= type === PTR && name.text === tag
    if (type === TXT && name.text.endsWith(`.${tag}`))
      texts.push(...readTexts(buffer.subarray(start, offset)))
  }
  const addresses = texts.flatMap(text =>
    text.startsWith(ADDRESS_PREFIX) ? [text.slice(ADDRESS_PREFIX.length)] : [],
  )
  return isOfMesh ? { kind: 'answer', texts: addresses } : undefined
}

function readTexts(data: Buffer): string[] {
  const texts: string[] = []
  for (let offset = 0; offset < data.length;) {
    const end = offset + 1 + data.readUInt8(offset)
    texts.push(data.toString('utf8', offset + 1, end))
    offset = end
  }
  return texts
}

/** @returns its labels with points between them, the first ones of a long name, and where it ends; undefined: it is none */
function readName(
  buffer: Buffer,
  start: number,
): { readonly text: string; readonly end: number } | undefined {
  const labels: string[] = []
  let [offset, bytes, pointers] = [start, 0, 0]
  let end: number | undefined
  for (;;) {
    if (offset >= buffer.length) return undefined
    const length = buffer.readUInt8(offset)
    const isRead = length === 0 || (labels.length === LABELS_MAX && end !== undefined)
    if (isRead) return { text: labels.join('.'), end: end ?? offset + 1 }
    if (length >= POINTER) {
      if (offset + 2 > buffer.length || ++pointers > POINTERS_MAX) return undefined
      end ??= offset + 2
      offset = buffer.readUInt16BE(offset) & 0x3f_ff
      continue
    }
    bytes += 1 + length
    if (length > LABEL_BYTES_MAX || bytes > NAME_BYTES_MAX || offset + 1 + length > buffer.length)
      return undefined
    if (labels.length < LABELS_MAX) labels.push(buffer.toString('utf8', offset + 1, offset + 1 + length))
    offset += 1 + length
  }
}

function header(of: {
  readonly flags: number
  readonly questions: number
  readonly records: number
}): Buffer {
  return words(0, of.flags, of.questions, of.records, 0, 0)
}

function record(name: Buffer, type: number, data: Buffer): Buffer[] {
  return [name, words(type, INTERNET, 0, TTL_S, data.length), data]
}

function nameOf(text: string): Buffer {
  const labels = text.split('.').map(label => Buffer.from(label))
  return Buffer.concat([...labels.flatMap(label => [Buffer.from([label.length]), label]), Buffer.from([0])])
}

/** Numbers of two bytes each. */
function words(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(2 * numbers.length)
  for (const [index, number] of numbers.entries()) buffer.writeUInt16BE(number, 2 * index)
  return buffer
}
