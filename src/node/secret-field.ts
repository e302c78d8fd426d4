// pure
/** Which fields have values that belong in no log. */

import { nearest } from './nearest.ts'

const SECRET = 'secret'

/** Whether a field of this name holds a secret, or is meant to: `secret` itself, `Secret`, `clusterSecret`, `secert`. */
export function isSecretField(name: unknown): boolean {
  if (typeof name !== 'string') return false
  return name.toLowerCase().includes(SECRET) || nearest(name, [SECRET]) !== undefined
}
