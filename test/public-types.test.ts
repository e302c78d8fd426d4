/** The types that users get: built as they are published, and `any` nowhere in them. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

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

test('the published types say any nowhere', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meshvisor-types-'))
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const options = ['--emitDeclarationOnly', '--sourceMap', 'false', '--outDir', folder]
    await run(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), ...options])
    const files = await reachable(folder, ['index.d.ts', 'testing.d.ts'])
    expect(files.size).toBeGreaterThan(30)
    const found = [...files].flatMap(([path, text]) => {
      const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$|'[^'\n]*'|"[^"\n]*"/gm, '')
      return code.split('\n').flatMap(line => (/\bany\b/.test(line) ? [`${path}: ${line.trim()}`] : []))
    })
    expect(found).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})
