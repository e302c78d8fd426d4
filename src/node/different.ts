// pure
/** What the log says of a spec that somebody else has declared as well. */

/** Of a spec that this node, or its config, declares in another way. */
export const DIFFERENT = 'runs as another node has declared it, which is not as it is declared here'

/** Of one that was declared or restarted here, and elsewhere too: all that is known to differ is when. */
export const ELSEWHERE =
  'was declared or restarted on another node as well, neither of which knew of the other: the other one counts'
