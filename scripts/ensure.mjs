// Runs before the npm scripts, on any Node: installs what is missing, so that a fresh clone needs nothing but npm.

import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR = 24
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const installed = join(root, 'node_modules', '.package-lock.json')
const wanted = join(root, 'package-lock.json')
const isWindows = process.platform === 'win32'
const npm = isWindows ? 'npm.cmd' : 'npm'

if (isMissing()) install()
checkEngine()

/** Nothing is installed, or something else than what the lockfile says. */
function isMissing() {
  return !existsSync(installed) || statSync(installed).mtimeMs < statSync(wanted).mtimeMs
}

function install() {
  console.error('installing the dependencies (npm ci), once …')
  const { status, error } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: isWindows,
  })
  if (status === 0) return
  console.error(`
The dependencies could not be installed${error === undefined ? '' : ` (${error.message})`}.
  - Is the npm registry reachable? It is: ${process.env.npm_config_registry ?? 'https://registry.npmjs.org/'}
  - Is ${root} writable, with about 400 MB free?
Then run "npm ci" here and look at what it says.`)
  process.exit(1)
}

/** The npm package "node" brings the engine: its install script must have been allowed to run. */
function checkEngine() {
  const engine = join(root, 'node_modules', 'node', 'bin', isWindows ? 'node.exe' : 'node')
  const { stdout, error } = spawnSync(engine, ['--version'], { encoding: 'utf8' })
  const major = Number(/^v(\d+)/.exec(stdout ?? '')?.[1])
  if (major >= NODE_MAJOR) return
  console.error(`
Node ${NODE_MAJOR} is needed, and the one in node_modules ${error === undefined ? `is ${String(stdout).trim()}` : `does not run (${error.message})`}.
It comes with the npm package "node", which has an install script: was npm told to ignore scripts?
Then run "npm ci --ignore-scripts=false", or use Node ${NODE_MAJOR} itself.`)
  process.exit(1)
}
