/**
 * `npm run package:consumer`, after `npm run build`: what is published, as a stranger uses it. Packs it, installs it
 * into a new project, compiles the example of the README there, declarations of dependencies included, and runs it. The
 * same with one of the examples that come along, which is of two files. What the README links to is in the package, and
 * so are the texts of the licences.
 */

import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = createRequire(import.meta.url)('../package.json')
const { typescript, '@types/node': types } = manifest.devDependencies
/** The example begins with 40 and adds 2. */
const EXPECTED = '42'
/** Imports another file, by the name that it has. */
const EXAMPLE = '01-worker.ts'
const EXAMPLE_SAYS = /and from another: 42/
/** Of each command: an installation may be slow. */
const RUN_TIMEOUT_MS = 300_000

const folder = mkdtempSync(join(tmpdir(), 'meshvisor-consumer-'))
try {
  run('npm', ['pack', '--silent', '--pack-destination', folder], root)
  const [tarball = ''] = readdirSync(folder).filter(name => name.endsWith('.tgz'))
  // As the README says it. Without the second one the example neither compiles nor runs.
  run('npm', ['init', '-y'], folder)
  run('npm', ['pkg', 'set', 'type=module'], folder)
  const packages = [`./${tarball}`, `typescript@${typescript}`, `@types/node@${types}`]
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefer-offline', ...packages], folder)

  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  write(
    'tsconfig.json',
    blockOf(readme, 'json').replace('"strict"', '"noEmit": true, "skipLibCheck": false, "strict"'),
  )
  // Another mesh of that name may be near.
  const installed = join(folder, 'node_modules', manifest.name)
  for (const file of [EXAMPLE, 'behaviours.ts']) cpSync(join(installed, 'examples', file), join(folder, file))
  const missing = linksOf(readme).filter(path => !existsSync(join(installed, path)))
  if (missing.length > 0)
    throw new Error(`the README links to what is not in the package: ${missing.join(', ')}`)
  const licences = readdirSync(root).filter(name => name.startsWith('LICENSE'))
  const lost = licences.filter(name => !existsSync(join(installed, name)))
  if (licences.length === 0 || lost.length > 0)
    throw new Error(`licences that are not in the package: ${lost.join(', ') || 'there are none'}`)
  write('example.ts', blockOf(readme, 'ts').replace("'hello'", `'hello-${randomUUID()}'`))
  run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'], folder)
  const output = run(process.execPath, ['example.ts'], folder)
  if (output.split('\n')[0] !== EXPECTED)
    throw new Error(`the example says ${output}, wanted ${EXPECTED} first`)
  const more = run(process.execPath, [EXAMPLE], folder)
  if (!EXAMPLE_SAYS.test(more)) throw new Error(`${EXAMPLE} says ${more}`)
  const version = run(process.execPath, [join('node_modules', '.bin', 'meshvisor'), '--version'], folder)
  if (version.trim() !== manifest.version) throw new Error(`the command says ${version}`)
  console.log('packed, installed, compiled and run')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** @param {string} text @param {string} language @returns {string} the first block of code in that language */
function blockOf(text, language) {
  const found = new RegExp('```' + language + '\\n([\\s\\S]*?)```').exec(text)?.[1]
  if (found === undefined) throw new Error(`the README has no example in ${language}`)
  return found
}

/** @param {string} text @returns {string[]} the paths that it links to, without what is elsewhere */
function linksOf(text) {
  const targets = [...text.matchAll(/\]\(([^)#]+)/g)].map(match => match[1] ?? '')
  return [...new Set(targets.filter(target => !target.includes(':')))]
}

/** @param {string} name @param {string} text */
function write(name, text) {
  writeFileSync(join(folder, name), text)
}

/** @param {string} command @param {readonly string[]} args @param {string} cwd @returns {string} what it has said */
function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', timeout: RUN_TIMEOUT_MS })
  } catch (error) {
    console.error(error.stdout)
    throw error
  }
}
