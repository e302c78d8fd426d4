/** The shape of the code: imports point down, a file says whether it is pure, and is what it says. */

import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../src', import.meta.url))

interface SourceFile {
  readonly path: string
  readonly text: string
  /** Paths of the files of ours that it imports, types included. */
  readonly imports: readonly string[]
  /** The modules of others that it imports, types included. */
  readonly modules: readonly string[]
}

const files: readonly SourceFile[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map(path => path.replaceAll('\\', '/'))
  .map(path => {
    const text = readFileSync(join(root, path), 'utf8')
    const specifiers = [...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'/gms)].map(
      match => match[1] ?? '',
    )
    const own = specifiers.filter(specifier => specifier.startsWith('.'))
    return {
      path,
      text,
      imports: own.map(specifier =>
        relative(root, join(root, dirname(path), specifier)).replaceAll('\\', '/'),
      ),
      modules: specifiers.filter(specifier => !specifier.startsWith('.')),
    }
  })

/** The folder that decides what a file may import; files directly in `src` are `.`. */
function layerOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '.') : '.'
}

/** Which layers each may import, besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  '.': [],
  placement: ['.'],
  protocol: ['.'],
  node: ['.', 'placement', 'protocol'],
  io: ['.'],
  simulation: ['.', 'protocol', 'node', 'io'],
  cli: ['.', 'node'],
}

/** Files directly in `src` that only re-export, and may reach everything for that. */
const ENTRIES = ['index.ts', 'testing.ts']

/** The files of `node` that know the world outside: where a node begins, and where a thread or process of it does. */
const WIRING = ['node/create-node.ts', 'node/cell-main.ts']

test('there are files to look at', () => {
  expect(files.length).toBeGreaterThan(50)
  expect(files.flatMap(file => file.imports).length).toBeGreaterThan(200)
})

test('imports point down', () => {
  const wrong = files.flatMap(({ path, imports }) => {
    if (ENTRIES.includes(path)) return []
    const from = layerOf(path)
    const allowed = [from, ...(MAY_IMPORT[from] ?? []), ...(WIRING.includes(path) ? ['io'] : [])]
    return imports
      .filter(target => !allowed.includes(layerOf(target)))
      .map(target => `${path} imports ${target}`)
  })
  expect(wrong).toEqual([])
})

test('nothing inside imports the public entries', () => {
  const wrong = files
    .filter(({ imports }) => imports.some(target => ENTRIES.includes(target)))
    .map(({ path }) => path)
  expect(wrong).toEqual([])
})

test('the first line of every file says whether it is pure', () => {
  const silent = files
    .filter(({ text }) => !/^(#!.*\n)?\/\/ (pure|shell)\n/.test(text))
    .map(({ path }) => path)
  expect(silent).toEqual([])
})

test('the second thing in every file is what it is about', () => {
  const silent = files
    .filter(({ text }) => !/^(#!.*\n)?\/\/ (pure|shell)\n\/\*\*/.test(text))
    .map(({ path }) => path)
  expect(silent).toEqual([])
})

test('a pure file is pure', () => {
  const forbidden: readonly (readonly [string, RegExp])[] = [
    ['async', /\basync\b|\bawait\b|new Promise\b/],
    [
      'time',
      /\bDate\.now\b|\bperformance\.|new Date\(\)|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/,
    ],
    ['chance', /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/],
    ['the process', /\bprocess\./],
    [
      'functions that engines compute differently',
      /\bMath\.(?:log|exp|pow|sin|cos|tan|cbrt)\b|\blocaleCompare\b/,
    ],
  ]
  const wrong = files.flatMap(({ path, text, modules }) => {
    if (!isPure(text)) return []
    const code = withoutComments(text)
    const found = forbidden
      .filter(([, pattern]) => pattern.test(code))
      .map(([what]) => `${path} uses ${what}`)
    return [
      ...found,
      ...modules.filter(name => name.startsWith('node:')).map(name => `${path} imports ${name}`),
    ]
  })
  expect(wrong).toEqual([])
})

test('a pure file imports no shell file but for its types', () => {
  const shells = new Set(files.filter(({ text }) => !isPure(text)).map(({ path }) => path))
  const wrong = files.flatMap(({ path, text }) => {
    if (!isPure(text)) return []
    return importsOf(text)
      .filter(([names]) => !isTypeOnly(names))
      .map(([, specifier]) => relative(root, join(root, dirname(path), specifier)).replaceAll('\\', '/'))
      .filter(target => shells.has(target))
      .map(target => `${path} imports ${target}`)
  })
  expect(wrong).toEqual([])
})

test('no file is longer than 400 lines', () => {
  const long = files.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path)
  expect(long).toEqual([])
})

/** What is imported or exported from where, as written: `{ type A, b }` and `./a.ts`. */
function importsOf(text: string): (readonly [names: string, specifier: string])[] {
  return [...text.matchAll(/^(?:import|export)\b([^']*?)\bfrom '([^']+)'/gm)].map(match => [
    match[1] ?? '',
    match[2] ?? '',
  ])
}

function isTypeOnly(names: string): boolean {
  if (/^\s*type\b/.test(names)) return true
  const listed = names.replaceAll(/[{}]/g, '').split(',')
  return listed.every(name => name.trim() === '' || name.trim().startsWith('type '))
}

function isPure(text: string): boolean {
  return /^(#!.*\n)?\/\/ pure\n/.test(text)
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '')
}
