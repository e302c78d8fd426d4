// pure
/** Names that any object is asked for by code that knows nothing of workers: a handle answers that itself, and sends no call. */

/** What `await` and `JSON.stringify` look for, and what every object has: `toString`, `valueOf`, `constructor` and so on. */
const OF_ANY_OBJECT: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  ...Object.getOwnPropertyNames(Object.prototype),
])

/** Whether no function of a server can be called by that name. */
export function isOfAnyObject(name: string): boolean {
  return OF_ANY_OBJECT.has(name)
}
