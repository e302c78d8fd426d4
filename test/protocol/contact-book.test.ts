import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { type Contact, makeContact } from '../../src/protocol/contact.ts'
import { CONTACTS_MAX, ContactBook } from '../../src/protocol/contact-book.ts'

const peer = (name: string): Contact => ({ ...makeContact(name, [`/sim/${name}`], 0), peer: nodeId(name) })

test('where there is no more room, claims go first, then members that are not reached, the oldest first, and seeds last', () => {
  const book = new ContactBook()
  const isUp = ({ key }: Contact): boolean => key.startsWith('up')
  const gone: (string | undefined)[] = []
  const add = (contact: Contact): void => void gone.push(book.add(contact, isUp)?.key)
  add(makeContact('/sim/seed', ['/sim/seed'], 0))
  add(peer('up'))
  add(peer('old'))
  add(peer('new'))
  add({ ...peer('claim'), isClaim: true })
  while (book.size < CONTACTS_MAX) add(peer(`up${book.size}`))
  expect(gone.filter(key => key !== undefined)).toEqual([])
  for (let times = 0; times < 5; times++) add(peer(`up-late${times}`))
  expect(gone.slice(-5)).toEqual(['claim', 'old', 'new', '/sim/seed', undefined])
})
