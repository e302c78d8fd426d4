// pure
/** What the specs of workers, groups and chains have in common. */

import type { SpecBody } from '../../protocol/spec-row.ts'

/** A spec that has been checked. `id` is undefined where the user has left it to us. */
export interface Declared<Body> {
  readonly id: string | undefined
  readonly body: Body
}

/** The behaviours that a spec needs, each once. */
export function behavioursOf(body: SpecBody): string[] {
  const children = body.kind === 'worker' ? [body] : body.kind === 'group' ? body.members : body.stages
  return [...new Set(children.map(part => part.child.behaviour))]
}
