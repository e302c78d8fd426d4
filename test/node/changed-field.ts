/** Copies of a spec with one field or all of them changed, named by their paths: `members[].placement.near`. */

import type { Surface } from './bad-values.ts'

/** Every field wrong that has no fields itself, and where they stand. */
export function allWrong({ good, bad }: Pick<Surface, 'good' | 'bad'>): {
  readonly spec: object
  readonly paths: readonly string[]
} {
  const paths = Object.keys(bad)
  const leaves = paths.filter(
    path => !paths.some(other => other.startsWith(`${path}.`) || other.startsWith(`${path}[`)),
  )
  const spec = leaves.reduce<object>((so, path) => withField(so, path, bad[path]?.[0]), good)
  return { spec, paths: leaves.map(concrete) }
}

/** `members[].id` → `members[0].id`: the good specs have one of each. */
export function concrete(path: string): string {
  return path.replaceAll('[]', '[0]')
}

export function withField(value: unknown, path: string, field: unknown): object {
  return changed(value, concrete(path).split(/[.[\]]+/), () => field)
}

export function withoutField(value: unknown, path: string): object {
  return changed(value, concrete(path).split(/[.[\]]+/), undefined)
}

function changed(
  value: unknown,
  [key = '', ...rest]: readonly string[],
  change: (() => unknown) | undefined,
): object {
  const copy: object = Array.isArray(value) ? [...value] : Object.assign({}, value)
  if (rest.length > 0) Reflect.set(copy, key, changed(Reflect.get(copy, key), rest, change))
  else if (change === undefined) Reflect.deleteProperty(copy, key)
  else Reflect.set(copy, key, change())
  return copy
}
