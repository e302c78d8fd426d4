// pure
/** The order of texts that all nodes agree on, whatever their language. */

/** By code units, as `toSorted` does. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
