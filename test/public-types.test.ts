/** The types that users get: built as they are published, and `any` nowhere in them. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

/** The declarations that an entry leads to, by path. */
async function reachable(folder: string, entries: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  const waiting = entries.map(entry => join(folder, entry))
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (texts.has(path)) continue
    const text = await readFile(path, 'utf8')
    texts.set(path, text)
    for (const [, target = ''] of text.matchAll(/(?:from|import\() ?["'](\.[^"']+)["']/g)) {
      waiting.push(join(dirname(path), target.replace(/\.[jt]s$/, '.d.ts')))
    }
  }
  return texts
}

/** A declaration as it is published. */
interface Declaration {
  readonly path: string
  readonly name: string
  readonly isExported: boolean
  readonly kind: string
  /** Without comments, texts, and what is private. */
  readonly text: string
}

/** What one file declares, and what the names in it stand for that come from others. */
interface DeclarationFile {
  readonly declarations: ReadonlyMap<string, Declaration>
  readonly imports: ReadonlyMap<string, { readonly path: string; readonly name: string }>
}

const HEAD = /^(export )?(?:declare )?(?:abstract )?(const|class|interface|type|function) (\w+)/

function parse(path: string, text: string): DeclarationFile {
  const code = withoutTexts(text.replaceAll(/\/\*[\s\S]*?\*\//g, ''))
  const imports = new Map<string, { readonly path: string; readonly name: string }>()
  for (const [, names = '', target = ''] of text.matchAll(
    /^(?:import|export) (?:type )?\{([^}]*)\} from ["'](\.[^"']+)["']/gm,
  )) {
    const from = join(dirname(path), target.replace(/\.[jt]s$/, '.d.ts'))
    for (const [, name = '', alias = name] of names.matchAll(/(?:type )?(\w+)(?: as (\w+))?/g)) {
      imports.set(alias, { path: from, name })
    }
  }
  const declarations = new Map<string, Declaration>()
  let current: string | undefined
  for (const line of code.split('\n')) {
    const [, exported, kind = '', name = ''] = HEAD.exec(line) ?? []
    if (name !== '') current = name
    else if (/^(?:import|export)\b/.test(line)) current = undefined
    if (current === undefined || /^\s+private\b/.test(line)) continue
    const known = declarations.get(current)
    declarations.set(current, {
      path,
      name: current,
      isExported: known?.isExported ?? exported !== undefined,
      kind: known?.kind ?? kind,
      text: `${known?.text ?? ''}${line}\n`,
    })
  }
  return { declarations, imports }
}

function withoutTexts(code: string): string {
  return code.replaceAll(/'[^'\n]*'|"[^"\n]*"/g, "''")
}

let folder: string
let files: Map<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshvisor-types-'))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const options = ['--emitDeclarationOnly', '--sourceMap', 'false', '--outDir', folder]
  await run(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), ...options])
  files = await reachable(folder, ENTRIES)
})

afterAll(() => rm(folder, { recursive: true }))

const ENTRIES = ['index.d.ts', 'testing.d.ts']

test('the published types say any nowhere', () => {
  expect(files.size).toBeGreaterThan(30)
  const found = [...files].flatMap(([path, text]) => {
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$|'[^'\n]*'|"[^"\n]*"/gm, '')
    return code.split('\n').flatMap(line => (/\bany\b/.test(line) ? [`${path}: ${line.trim()}`] : []))
  })
  expect(found).toEqual([])
})

test('every type that a published signature names can be imported', () => {
  const parsed = new Map([...files].map(([path, text]) => [path, parse(path, text)]))
  const isPublic = new Set<string>()
  const waiting: (readonly [path: string, name: string, via: string])[] = []
  for (const entry of ENTRIES) {
    for (const { path, name } of parsed.get(join(folder, entry))?.imports.values() ?? []) {
      isPublic.add(`${path} ${name}`)
      waiting.push([path, name, entry])
    }
  }
  const seen = new Set<string>()
  const missing: string[] = []
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [path, name, via] = next
    const key = `${path} ${name}`
    if (seen.has(key)) continue
    seen.add(key)
    const file = parsed.get(path)
    const declaration = file?.declarations.get(name)
    if (declaration === undefined) continue
    // What a file keeps to itself nobody can name, and need not: it is spelled out where it is used.
    const isNameable =
      declaration.isExported && declaration.kind !== 'const' && declaration.kind !== 'function'
    if (isNameable && !isPublic.has(key)) missing.push(`${name}, which ${via} names`)
    for (const [word] of declaration.text.matchAll(/\b[A-Z]\w*\b/g)) {
      if (word === name) continue
      const from = file?.declarations.has(word) === true ? { path, name: word } : file?.imports.get(word)
      if (from !== undefined) waiting.push([from.path, from.name, name])
    }
  }
  expect(seen.size).toBeGreaterThan(100)
  expect(missing).toEqual([])
})
