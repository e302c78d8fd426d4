/** The package as users get it: built once into a folder of its own, for figures that the loading of sources would spoil. */

import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { Bench, Measurement } from './bench.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

class BuiltPackage {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Compiles `src`. What is added to the folder can import `meshvisor`, and everything that the repository can. */
  static async make(): Promise<BuiltPackage> {
    const folder = await mkdtemp(join(tmpdir(), 'meshvisor-bench-'))
    const [modules, dist] = [join(ROOT, 'node_modules'), join(folder, 'dist')]
    const config = join(ROOT, 'tsconfig.build.json')
    await promisify(execFile)(join(modules, '.bin', 'tsc'), ['-p', config, '--outDir', dist])
    await cp(join(ROOT, 'package.json'), join(folder, 'package.json'))
    await symlink(modules, join(folder, 'node_modules'))
    return new BuiltPackage(folder)
  }

  /** Adds a file of this folder, without its types. @returns where it is */
  async add(name: string): Promise<string> {
    const source = await readFile(new URL(name, import.meta.url), 'utf8')
    const file = join(this.#folder, name.replace(/\.ts$/, '.js'))
    await writeFile(file, stripTypeScriptTypes(source))
    return file
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true })
  }
}

/** Builds the package once for all rounds, each of which is given the path of `built-child.js`. */
export function onPackage(round: (child: string) => Promise<readonly Measurement[]>): Bench['start'] {
  return async () => {
    const built = await BuiltPackage.make()
    const child = await built.add('built-child.ts')
    return { round: () => round(child), stop: () => built.remove() }
  }
}
