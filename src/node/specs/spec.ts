// pure
/** What the specs of workers, groups and chains have in common. */

import { type ChildSpec, type SpecBody } from '../../protocol/spec-row.ts'

/** A spec that has been checked. `id` is undefined where the user has left it to us. */
export interface Declared<Body> {
  readonly id: string | undefined
  readonly body: Body
}

/** All workers that a spec describes; those of a stage once. */
export function childrenOf(body: SpecBody): ChildSpec[] {
  const parts = body.kind === 'worker' ? [body] : body.kind === 'group' ? body.members : body.stages
  return parts.map(part => part.child)
}
