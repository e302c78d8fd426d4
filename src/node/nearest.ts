// pure
/** What somebody may have meant who wrote a word that there is not. */

/** More letters than these must not differ: with three, every short word is like every other. */
const DISTANCE_MAX = 2

/** The known word that is most like `word`, if one is like it: a letter more, less or another one, or its case. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.min(DISTANCE_MAX, Math.floor(word.length / 2))
  const [best] = known
    // The word may be of any length: most need not be compared letter by letter.
    .filter(candidate => Math.abs(candidate.length - word.length) <= limit)
    .map(candidate => ({ candidate, distance: distanceOf(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .toSorted((a, b) => a.distance - b.distance)
  return best?.candidate
}

/** What is wrong with a field that there is not. `elsewhere`: what is written instead of some, by their names. */
export function noSuchField(
  name: string,
  known: readonly string[],
  elsewhere: Readonly<Record<string, string>> = {},
): string {
  if (Object.hasOwn(elsewhere, name)) return `no such field: it is written \`${elsewhere[name]}\``
  return withNearest('no such field', name, known)
}

/** `text`, and behind it what may have been meant by `word`. */
export function withNearest(text: string, word: string, known: readonly string[]): string {
  const meant = nearest(word, known)
  return meant === undefined ? text : `${text}: did you mean "${meant}"?`
}

/** Levenshtein's: how many letters to put in, take out or change. */
function distanceOf(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [row, letter] of a.split('').entries()) {
    const now = [row + 1]
    for (const [column, other] of b.split('').entries()) {
      const changed = (before[column] ?? 0) + (letter === other ? 0 : 1)
      now.push(Math.min(changed, (before[column + 1] ?? 0) + 1, (now[column] ?? 0) + 1))
    }
    before = now
  }
  return before[b.length] ?? 0
}
