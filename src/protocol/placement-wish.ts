// pure
/** Where workers may live, and beside whom: what users ask of placement, as specs carry it. */

/** The names are the user's, and mean the same in the whole mesh. */
export interface PlacementWish {
  /** Only nodes that carry all of these. May be empty. */
  readonly labels: Readonly<Record<string, string>>
  /** In one zone with all that name the same, as far as it has room. */
  readonly near?: string | undefined
  /** On one node with all that name the same, as far as it has room. */
  readonly pack?: string | undefined
  /** Shared out evenly over the nodes with all that name the same. */
  readonly spread?: string | undefined
}

/**
 * How the workers of a group or chain are shared out: evenly over the nodes · over the zones too, turn by turn · not at
 * all, each sits wherever the hash puts it.
 */
export type Sharing = true | 'zones' | false

/** What a part asks for itself goes before what is asked for the whole; labels are wanted of both. */
export function combineWishes(
  whole: PlacementWish | undefined,
  part: PlacementWish | undefined,
): PlacementWish {
  const labels = { ...whole?.labels, ...part?.labels }
  // Together or apart: whoever asks for one of them does not want the other of the whole.
  const isSided = part?.pack !== undefined || part?.spread !== undefined
  return {
    labels,
    near: part?.near ?? whole?.near,
    pack: isSided ? part.pack : whole?.pack,
    spread: isSided ? part.spread : whole?.spread,
  }
}
