// pure
/** What the specs of workers, groups and chains have in common. */

import { type ChildSpec, type SpecBody } from '../../protocol/spec-row.ts'

/** A spec that has been checked. `id` is undefined where the user has left it to us. */
export interface Declared<Body> {
  readonly id: string | undefined
  readonly body: Body
  /** What the worker, which is a task, is given to read. */
  readonly input?: AsyncIterable<unknown> | undefined
}

/** What the workers of a spec need of a node; those of a stage once. */
export function needsOf(body: SpecBody): Pick<ChildSpec, 'behaviour' | 'isolation'>[] {
  const parts = body.kind === 'worker' ? [body] : body.kind === 'group' ? body.members : body.stages
  const finish = body.kind === 'chain' ? body.onFinish : undefined
  const callback = finish === undefined ? [] : [{ behaviour: finish, isolation: 'inline' as const }]
  return [...parts.map(part => part.child), ...callback]
}
