// pure
/**
 * How the input of a task gets to it: as calls of two functions that no server has. The items of an input are
 * numbered from 0, so that the worker takes none of them twice, whatever is sent again.
 */

/** Arguments: the number of the first item, and the items. Answered with the number of the item that is next. */
export const INPUT_ITEMS = '$input'

/** No arguments: nothing comes after this. Answered when the worker ends. */
export const INPUT_END = '$input-end'

/** A letter of an input. */
export interface InputItems {
  readonly first: number
  readonly items: readonly unknown[]
}

/** What the arguments of `INPUT_ITEMS` say; undefined when they make no sense. */
export function inputItemsOf(args: readonly unknown[]): InputItems | undefined {
  const [first, items] = args
  return typeof first === 'number' && isList(items) ? { first, items } : undefined
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}
