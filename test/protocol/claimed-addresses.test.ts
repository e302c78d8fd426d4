/** Where somebody may be, as anybody in the network can have claimed: the last claims, and none in the place of the others. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { Contacts } from '../../src/protocol/contacts.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'

const [self, other] = [nodeId('a'), nodeId('b')]

test('what was claimed last is dialled first, and what was claimed before it behind that: so a lie does not hide the truth', () => {
  const contacts = new Contacts({ id: self, addresses: ['/sim/here'] }, LAN_TIMINGS, new Prng(1))
  contacts.find(other, ['/true'], 0)
  contacts.find(other, ['/lie', '/another'], 0)
  expect(contacts.take(0)).toEqual([{ key: other, addresses: ['/lie', '/another', '/true'] }])
  for (let index = 0; index < 20; index++) contacts.find(other, [`/${index}`], 1_000)
  contacts.onDialFailed(other, { failure: 'unreachable', reason: 'no answer' }, 1_000)
  const [dial] = contacts.take(20_000)
  expect(dial?.addresses).toEqual(Array.from({ length: 16 }, (_, index) => `/${19 - index}`))
})
