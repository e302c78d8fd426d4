// pure
/**
 * Where something is in a list that several change at once: a text of digits, which sorts before those of whatever comes
 * after it. There is always one between two others, and nobody else's has to change for it.
 */

/**
 * The places before and after it, of twelve digits, are for what is put at one of the ends: a group to which a member is
 * added every millisecond has enough of them for fifteen years. Beyond them places grow by a digit with every third.
 */
const MIDDLE = 500_000_000_000
const LENGTH = 12
const LAST = 10 ** LENGTH - 1

/** Of the number of a part. */
const NUMBER_LENGTH = 10

/**
 * A place is no longer. It takes some 3,000 parts that are put in one place one after the other, each between the one before
 * and the same neighbour: who adds one more is told, as others would take the row for garbage.
 */
export const PLACE_DIGITS_MAX = 1024

/** Of what was in the list at first. @param index 0 for the first */
export function placeAt(index: number): string {
  return String(MIDDLE + index)
}

/**
 * A place between two others: undefined for the ends. As short as may be. Where both are one, there is none between them:
 * then it is theirs.
 */
export function placeBetween(before: string | undefined, after: string | undefined): string {
  if (after === undefined && before === undefined) return placeAt(0)
  if (after === undefined && before !== undefined && whole(before) < LAST) return placeOf(whole(before) + 1)
  if (before === undefined && after !== undefined && whole(after) > 1) return placeOf(whole(after) - 1)
  if (before !== undefined && after !== undefined && before >= after) return before
  return fractionBetween(before ?? '', after)
}

/**
 * What one part that is put there gets for its own: another node may put one in the same place at the same time, and there
 * is to be a place between the two as well. @param number hardly ever that of another part, 1 to 2 ** 32
 */
export function placeOfOne(place: string, number: number): string {
  return place + String(number).padStart(NUMBER_LENGTH, '0')
}

function whole(place: string): number {
  return Number(place.slice(0, LENGTH))
}

function placeOf(value: number): string {
  return String(value).padStart(LENGTH, '0')
}

/** As of decimal fractions: the shortest one that is greater than one and less than the other, which does not end with 0. */
function fractionBetween(low: string, high: string | undefined): string {
  let text = ''
  let isBelow = false
  for (let index = 0; ; index++) {
    const from = Number(low[index] ?? '0')
    // There is none below what goes on with nothing but zeros: no node of this kind writes such a place, others may.
    if (high !== undefined && !isBelow && index >= high.length) return low === '' ? high : low
    const to: number = high === undefined || isBelow ? 10 : Number(high[index] ?? '0')
    if (to - from > 1) return text + String(Math.floor((from + to) / 2))
    text += String(from)
    isBelow ||= from < to
  }
}
