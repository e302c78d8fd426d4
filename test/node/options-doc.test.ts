/** docs/options.md says of every field of every schema what it takes and what its default is, and of no other. */

import { readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { SURFACES } from './bad-values.ts'
import { type Field, fieldsOf } from './schema-fields.ts'

interface Row {
  readonly name: string
  readonly wanted: string
  readonly default: string
  readonly what: string
}

/** What a path begins with → the sections that have its fields. The first that fits counts. */
const SECTIONS: readonly (readonly [path: RegExp, sections: readonly string[]])[] = [
  [/^(?:.*\.)?(intensity|limits|mailbox|placement|discovery)\./, []],
  [/^members\[\]\./, ['Member', 'Worker']],
  [/^stages\[\]\./, ['Stage']],
]
const OF_KIND: Readonly<Record<string, readonly string[]>> = {
  worker: ['Standalone', 'Worker'],
  group: ['Group'],
  chain: ['Chain'],
  node: ['Node'],
  config: ['Config', 'Node'],
}

async function sections(): Promise<Map<string, Row[]>> {
  const text = await readFile(new URL('../../docs/options.md', import.meta.url), 'utf8')
  const found = new Map<string, Row[]>()
  for (const part of text.split('\n## ').slice(1)) {
    const lines = part.split('\n')
    const rows = lines.flatMap(line => {
      const [, name, wanted = '', standard = '', what = ''] =
        /^\| `(\w+)` +\| (.*?) +\| (.*?) +\| (.*?) +\|$/.exec(line) ?? []
      return name === undefined ? [] : [{ name, wanted, default: standard, what }]
    })
    found.set(lines[0] ?? '', rows)
  }
  return found
}

function sectionsOf(kind: string, path: string): readonly string[] {
  for (const [pattern, names] of SECTIONS) {
    const match = pattern.exec(path)
    const [, part] = match ?? []
    if (part !== undefined) return [part.charAt(0).toUpperCase() + part.slice(1)]
    if (match !== null) return names
  }
  return OF_KIND[kind] ?? []
}

/** As one writes it in code: `{ restarts: 5, withinMs: 30_000 }`. */
function code(value: unknown): string {
  if (typeof value === 'number') return String(value).replaceAll(/\B(?=(\d{3})+$)/g, '_')
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return `[${value.map(code).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const fields = Object.entries<unknown>({ ...value }).map(([name, field]) => `${name}: ${code(field)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

/** What the doc must say is taken where the field is left out; a pattern where that is no one value. */
function standardOf(field: Field, hasFields: boolean): RegExp | string {
  if (field.isRequired) return 'required'
  if (field.default === undefined || (hasFields && code(field.default) === '{}'))
    return /^(?!`|required)\w.{1,}/
  return `\`${code(field.default)}\``
}

test.each(Object.keys(OF_KIND))(
  'every field of a %s is there, with its values and its default',
  async kind => {
    const docs = await sections()
    const fields = fieldsOf(SURFACES[kind]?.schema)
    expect(fields.length).toBeGreaterThan(15)
    for (const field of fields) {
      const name = field.path.split('.').at(-1)
      const rows = sectionsOf(kind, field.path).flatMap(section => docs.get(section) ?? [])
      const found = rows.filter(row => row.name === name)
      expect(found, `rows for ${field.path} of a ${kind}`).toHaveLength(1)
      const hasFields = fields.some(({ path }) => path.startsWith(`${field.path}.`))
      const standard = standardOf(field, hasFields)
      // Whether it may be given at all depends on another field.
      const wanted = field.path === 'input' ? 'an AsyncIterable' : field.wanted
      expect(found[0]?.wanted, `the values of ${field.path}`).toBe(wanted)
      expect(found[0]?.default, `the default of ${field.path}`).toEqual(
        typeof standard === 'string' ? standard : expect.stringMatching(standard),
      )
      expect(found[0]?.what, `what ${field.path} is`).not.toBe('')
    }
  },
)

test('no other field is there', async () => {
  const known = new Set(
    Object.keys(OF_KIND).flatMap(kind =>
      fieldsOf(SURFACES[kind]?.schema).flatMap(({ path }) =>
        sectionsOf(kind, path).map(section => `${section}.${path.split('.').at(-1)}`),
      ),
    ),
  )
  const docs = await sections()
  const listed = [...docs].flatMap(([section, rows]) => rows.map(({ name }) => `${section}.${name}`))
  expect(listed.length).toBeGreaterThan(60)
  expect(listed.filter(name => !known.has(name))).toEqual([])
})
