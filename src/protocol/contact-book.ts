// pure
/** Everybody to dial, in the order in which they became known: no more of them than there is room for. */

import { type Contact, isSeed } from './contact.ts'

/**
 * No more addresses are kept to be dialled. What anybody may have claimed goes first, then members that are not
 * reached, the oldest of them, and seeds last: a stranger must not make a node forget where its mesh is.
 */
export const CONTACTS_MAX = 4096

export class ContactBook {
  readonly #contacts = new Map<string, Contact>()

  get size(): number {
    return this.#contacts.size
  }

  get(key: string): Contact | undefined {
    return this.#contacts.get(key)
  }

  has(key: string): boolean {
    return this.#contacts.has(key)
  }

  values(): IterableIterator<Contact> {
    return this.#contacts.values()
  }

  /** @returns who had to go to make room, if anybody */
  add(contact: Contact, isUp: (contact: Contact) => boolean): Contact | undefined {
    const gone = this.#contacts.size < CONTACTS_MAX ? undefined : this.#leastMissed(isUp)
    if (gone !== undefined) this.#contacts.delete(gone.key)
    this.#contacts.set(contact.key, contact)
    return gone
  }

  delete(key: string): void {
    this.#contacts.delete(key)
  }

  #leastMissed(isUp: (contact: Contact) => boolean): Contact | undefined {
    const apart = [...this.#contacts.values()].filter(contact => !isUp(contact))
    return apart.find(({ isClaim }) => isClaim) ?? apart.find(contact => !isSeed(contact)) ?? apart[0]
  }
}
