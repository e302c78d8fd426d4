/** docs/options.md says of every field of every schema what it takes and what its default is, and of no other. */

import { readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { CALM } from '../../src/io/memory/network-conditions.ts'
import {
  addOptions,
  addStageOptions,
  declareOptions,
  entryOptions,
  runOptions,
  startOptions,
  waitOptions,
} from '../../src/node/wait-options.ts'
import { serverOptions, serverSpec, stageOptions, taskOptions } from '../../src/node/workers/definitions.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
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
/** What has sections of its own: the schema, and the sections of its parts. */
const BY_SECTION: Readonly<Record<string, readonly [schema: unknown, parts?: Record<string, string>]>> = {
  'Stage behaviour': [stageOptions],
  'Server behaviour': [serverOptions],
  Server: [serverSpec, { idle: 'Idle', input: 'Server input' }],
  'Task behaviour': [taskOptions, { input: 'Task input' }],
  Waiting: [waitOptions],
  Declaring: [declareOptions],
  Starting: [startOptions],
  Entry: [entryOptions],
  Run: [runOptions],
  Simulation: [SURFACES['simulation']?.schema, { conditions: 'Conditions', timings: 'Timings' }],
}

/** Defaults that are not those of a schema. */
const STANDARDS: Readonly<Record<string, unknown>> = { version: '1', ...CALM, ...LAN_TIMINGS }

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

/** The sections of what has some of its own, with their fields. */
function ownFields(): (readonly [section: string, field: Field])[] {
  const found = Object.entries(BY_SECTION).flatMap(([title, [schema, parts = {}]]) =>
    fieldsOf(schema).map(field => {
      const [part = '', name] = field.path.split('.')
      return [name === undefined ? title : (parts[part] ?? title), field] as const
    }),
  )
  const adding = fieldsOf(addOptions).filter(({ path }) => path === 'until')
  const placing = fieldsOf(addStageOptions(4)).filter(({ path }) => path === 'position')
  return [
    ...found,
    ...adding.map(field => ['Adding', field] as const),
    ...placing.map(field => ['Adding a stage', field] as const),
  ]
}

test('every field of behaviours, waits and simulations is there, with its values and its default', async () => {
  const docs = await sections()
  const fields = ownFields()
  expect(fields.length).toBeGreaterThan(60)
  for (const [section, field] of fields) {
    const name = field.path.split('.').at(-1) ?? ''
    const found = docs.get(section)?.filter(row => row.name === name) ?? []
    expect(found, `rows for ${field.path} in ${section}`).toHaveLength(1)
    const wanted = found[0]?.wanted.replace('the number of stages', '4')
    expect(wanted, `the values of ${field.path} in ${section}`).toBe(
      name === 'to' ? 'the id of a stage' : field.wanted,
    )
    const standard =
      name in STANDARDS && !field.isRequired
        ? `\`${code(STANDARDS[name])}\``
        : standardOf(
            field,
            fields.some(([, { path }]) => path.startsWith(`${field.path}.`)),
          )
    expect(found[0]?.default, `the default of ${field.path} in ${section}`).toEqual(
      typeof standard === 'string' ? standard : expect.stringMatching(standard),
    )
    expect(found[0]?.what, `what ${field.path} is`).not.toBe('')
  }
})

test('no other field is there', async () => {
  const known = new Set(
    Object.keys(OF_KIND).flatMap(kind =>
      fieldsOf(SURFACES[kind]?.schema).flatMap(({ path }) =>
        sectionsOf(kind, path).map(section => `${section}.${path.split('.').at(-1)}`),
      ),
    ),
  )
  for (const [section, { path }] of ownFields()) known.add(`${section}.${path.split('.').at(-1)}`)
  const docs = await sections()
  const listed = [...docs].flatMap(([section, rows]) => rows.map(({ name }) => `${section}.${name}`))
  expect(listed.length).toBeGreaterThan(60)
  expect(listed.filter(name => !known.has(name))).toEqual([])
})
