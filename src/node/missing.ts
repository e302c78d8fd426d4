// pure
/** Why nothing is found by an id that somebody has given. */

import { NotFoundError, OptionsError } from '../errors.ts'
import { show } from './show.ts'

/** There is no such thing; or what was given is no text, so that nothing can have it for an id: who is held to no types can ask by anything. */
export function missing(id: unknown, kind: string): NotFoundError | OptionsError {
  if (typeof id === 'string') return new NotFoundError(id, kind, { hint: hintOf(id, kind) })
  const problem = { path: 'id', found: show(id), wanted: `the id of a ${kind}, a text` }
  return new OptionsError(`the search for a ${kind}`, [problem])
}

/** Members are found by way of their group. */
function hintOf(id: string, kind: string): string | undefined {
  const [group, member, more] = id.split('/')
  if (kind !== 'worker' || !group || !member || more !== undefined) return undefined
  return `a member of a group is node.getGroup(${JSON.stringify(group)}).member(${JSON.stringify(member)})`
}
