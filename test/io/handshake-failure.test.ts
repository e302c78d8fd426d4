/** What a node says of somebody who came and did not get through the handshake: a wrong secret only on evidence. */

import { expect, test } from 'vitest'

import { handshakeFailure } from '../../src/io/libp2p/handshake-failure.ts'

/** What libp2p throws: of the error beneath, only the text is left. */
function upgradeFailed(message: string): Error {
  return Object.assign(new Error(message), { name: 'EncryptionFailedError' })
}

test.each([
  ['Unexpected EOF - stream closed while reading 0/1 bytes', /broke off: it has ended/, /broke off: members/],
  ['read ECONNRESET', /broke off: it has ended/, /broke off: members/],
  ['The operation was aborted due to timeout', /not done in time/, /not done in time/],
  ['Missing newline', /no handshake: it is no meshvisor/, /no handshake: it is no meshvisor/],
  ['Message length length too long - 4 > 2', /no meshvisor/, /no meshvisor/],
])('"%s" says nothing of secrets', (message, ofAnyHost, ofMembers) => {
  const said = [false, true].map(isHostOfMembers => handshakeFailure(upgradeFailed(message), isHostOfMembers))
  expect(said).toEqual([expect.stringMatching(ofAnyHost), expect.stringMatching(ofMembers)])
  expect(said.join()).not.toMatch(/secret/)
})

test('a last message that cannot be deciphered is another secret, whoever else is at that address', () => {
  const error = upgradeFailed('handshake stage 2 validation fail: Invalid chacha20poly1305 decryption')
  for (const isHostOfMembers of [false, true]) {
    expect(handshakeFailure(error, isHostOfMembers)).toBe(
      'another cluster name or secret: give both the same, or take this node off its seeds',
    )
  }
})
