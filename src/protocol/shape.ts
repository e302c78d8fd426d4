// pure
/**
 * Checks of what has come from outside, without copying it: a shape says of a value whether it is a `T`. Every message
 * of the control lane passes through here, so that it has to be cheap: a library that builds its result field by field
 * took longer than all that was then done with the message.
 */

/** Whether `value` is a `T`. Where it is not, `flaw` says what is wrong with it. */
export type Shape<T> = (value: unknown, flaw: Flaw) => value is T

/** Of a name that others have chosen, no more goes into a reason: it ends in a log. */
const KEY_SHOWN_MAX = 100

/** What is wrong with a value, and where. */
export class Flaw {
  #reason = ''
  readonly #path: (string | number)[] = []

  /** What was wanted. @returns false: the value is refused */
  want(what: string): false {
    this.#reason = `${what} was expected`
    return false
  }

  /** The flaw lies in this part of the value. @returns false: the value is refused */
  at(key: string | number): false {
    this.#path.unshift(typeof key === 'string' ? key.slice(0, KEY_SHOWN_MAX) : key)
    return false
  }

  /** `rows.members.0.id: a node id was expected` */
  toString(): string {
    return this.#path.length === 0 ? `message: ${this.#reason}` : `${this.#path.join('.')}: ${this.#reason}`
  }
}

/** What a test of its own tells. `what` names it in a sentence: "a node id". */
export function checked<T>(what: string, test: (value: unknown) => value is T): Shape<T> {
  return (value, flaw): value is T => test(value) || flaw.want(what)
}

/** A whole number from `min` to `max`, both included. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  return (value, flaw): value is number =>
    (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) ||
    flaw.want(`a whole number from ${min} to ${max}`)
}

/** Any number from `min` to `max`, both included. */
export function between(min: number, max: number): Shape<number> {
  return (value, flaw): value is number =>
    (typeof value === 'number' && value >= min && value <= max) || flaw.want(`a number from ${min} to ${max}`)
}

/** A text of so many characters at most. */
export function textOf(lengthMax: number): Shape<string> {
  return (value, flaw): value is string =>
    (typeof value === 'string' && value.length <= lengthMax) ||
    flaw.want(`a text of at most ${lengthMax} characters`)
}

export function isBoolean(value: unknown, flaw: Flaw): value is boolean {
  return typeof value === 'boolean' || flaw.want('true or false')
}

/** Exactly this value. */
export function literal<const T extends string>(wanted: T): Shape<T> {
  return (value, flaw): value is T => value === wanted || flaw.want(`"${wanted}"`)
}

/** One of a few texts. */
export function oneOf<const T extends string>(texts: readonly T[]): Shape<T> {
  const known: ReadonlySet<unknown> = new Set(texts)
  return (value, flaw): value is T => known.has(value) || flaw.want(`one of ${texts.join(', ')}`)
}

/** One shape or another. */
export function either<A, B>(one: Shape<A>, other: Shape<B>): Shape<A | B> {
  return (value, flaw): value is A | B => one(value, flaw) || other(value, flaw)
}

/** It may be missing. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, flaw): value is T | undefined => value === undefined || shape(value, flaw)
}

/** At least `lengthMin` of them, and no more than `lengthMax`. */
export function listOf<T>(item: Shape<T>, lengthMax: number, lengthMin = 0): Shape<readonly T[]> {
  return (value, flaw): value is readonly T[] => {
    if (!Array.isArray(value)) return flaw.want('a list')
    if (value.length > lengthMax) return flaw.want(`a list of at most ${lengthMax}`)
    if (value.length < lengthMin) return flaw.want(`a list of at least ${lengthMin}`)
    for (let index = 0; index < value.length; index++) if (!item(value[index], flaw)) return flaw.at(index)
    return true
  }
}

/** Names that are not known beforehand, each with a value of one shape. */
export function recordOf<T>(name: Shape<string>, entry: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, flaw): value is Readonly<Record<string, T>> => {
    if (!isPlainObject(value)) return flaw.want('an object')
    for (const key of Object.keys(value))
      if (!name(key, flaw) || !entry(value[key], flaw)) return flaw.at(key)
    return true
  }
}

/** The shape of each field. */
export type Fields<T> = { readonly [K in keyof T]-?: Shape<T[K]> }

/** An object with these fields. Others may be there, for newer nodes. */
export function objectOf<T extends object>(fields: Fields<T>): Shape<T> {
  const keys = Object.keys(fields)
  const shapes = Object.values<Shape<unknown>>(fields)
  return (value, flaw): value is T => {
    if (!isPlainObject(value)) return flaw.want('an object')
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] ?? ''
      if (shapes[index]?.(value[key], flaw) !== true) return flaw.at(key)
    }
    return true
  }
}

/** One of several objects, told apart by their `kind`: the other fields of each. */
export function variantOf<T extends { readonly kind: string }>(kinds: {
  readonly [K in T['kind']]: Fields<Omit<Extract<T, { readonly kind: K }>, 'kind'>>
}): Shape<T> {
  const shapes = new Map<unknown, Shape<object>>(
    Object.entries<Fields<object>>(kinds).map(([kind, fields]) => [kind, objectOf(fields)]),
  )
  return (value, flaw): value is T => {
    if (!isPlainObject(value)) return flaw.want('an object')
    const shape = shapes.get(value['kind'])
    if (shape !== undefined) return shape(value, flaw)
    flaw.want(`one of ${[...shapes.keys()].join(', ')}`)
    return flaw.at('kind')
  }
}

/** No list, and no other thing that the encoding knows. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
