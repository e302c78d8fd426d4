// pure
/** Whether so many nodes are there, with all that they know: what runs on those who are counted is known here. */

import { FormationError } from '../errors.ts'
import type { Core } from './core.ts'
import type { Kernel } from './kernel.ts'
import { type Obstacle, linesOf, nobodyKnown } from './obstacles.ts'
import type { NodeOptions } from './options.ts'
import type { Member } from './snapshot.ts'

const NOT_TOLD = 'it is there, and has not told yet what it knows'

/** @param members those that are there, this node included */
export function isFormed(members: readonly Member[], core: Core, count: number): boolean {
  return members.length - untold(members, core).length >= count
}

/** What is in the way. */
export function unformed(
  members: readonly Member[],
  { core, border }: Pick<Kernel, 'core' | 'border'>,
  asked: Pick<NodeOptions, 'mdns'> & { readonly count: number; readonly timeoutMs: number },
): FormationError {
  const present = new Set(members.map(({ id }) => id))
  const silent = untold(members, core)
  const { membership } = core.ledger
  const mute = border.mutePeers(peer => present.has(peer))
  const owing = silent.map(({ name }): Obstacle => ({ address: name, reason: NOT_TOLD }))
  const lines = linesOf([...membership.contacts.problems(), ...mute, ...owing])
  const isComing = membership.contacts.isLooking || membership.connected().some(id => !present.has(id))
  if (lines.length === 0 && !isComing) lines.push(nobodyKnown(asked))
  const found = `${present.size - silent.length} of ${asked.count} nodes after ${asked.timeoutMs} ms`
  return new FormationError([found, ...lines].join('\n  '))
}

/**
 * Those of whom this node may not know yet what they know: it has a session with them, in which they have not told all, or
 * nobody has told anything. Of one without a session, what others have told of it counts.
 */
function untold(members: readonly Member[], { antiEntropy }: Core): readonly Member[] {
  const others = members.filter(({ isSelf }) => !isSelf)
  const isTold = others.some(({ id }) => antiEntropy.hasTold(id))
  return others.filter(({ id, isConnected }) => !antiEntropy.hasTold(id) && (isConnected || !isTold))
}
