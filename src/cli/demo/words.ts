// pure
/** What counts as a word, and how a text is cut without cutting one. The mesh and the plain count agree on both. */

const WORD = /\p{L}+/gu
const LETTER = /^\p{L}$/u

/** What has more letters than this is data, not a word. */
const WORD_LENGTH_MAX = 1_000

/** The words of a text, lower case, in order. */
export function wordsOf(text: string): string[] {
  const words = text.match(WORD) ?? []
  return words.flatMap(word => (word.length <= WORD_LENGTH_MAX ? word.toLowerCase() : []))
}

/**
 * Cuts a text in front of its last word, as that may go on in what follows. Of a last word that is too long to count,
 * only so much is kept that it stays too long.
 */
export function cutBeforeLastWord(text: string): readonly [whole: string, rest: string] {
  let at = text.length
  while (at > 0) {
    const size = (text.codePointAt(at - 2) ?? 0) > 0xffff ? 2 : 1
    if (!LETTER.test(text.slice(at - size, at))) break
    at -= size
  }
  return [text.slice(0, at), text.slice(at, at + 3 * WORD_LENGTH_MAX)]
}

/** Adds the counts of `more` to `counts`. */
export function addCounts(counts: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [word, count] of more) counts.set(word, (counts.get(word) ?? 0) + count)
}

export function countWords(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/** The most frequent words first; equally frequent ones by the alphabet. */
export function mostFrequent(
  counts: ReadonlyMap<string, number>,
  count: number,
): (readonly [string, number])[] {
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, count)
}

/** Whether two counts say the same. */
export function isSameCount(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([word, count]) => b.get(word) === count)
}
