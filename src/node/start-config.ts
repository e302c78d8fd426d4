// shell
/** Starts a node with a config, and declares what is in it. */

import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

import { ConfigError, ConfigNotFoundError, OptionsError } from '../errors.ts'
import type { SpecId } from '../ids.ts'
import { type CheckedConfig, type Config, type ConfiguredSpec, checkConfig, withResolved } from './config.ts'
import { createNode } from './create-node.ts'
import { DIFFERENT } from './different.ts'
import type { Node } from './node.ts'
import { show } from './show.ts'
import { differences } from './specs/spec-content.ts'
import { checkWait, startOptions } from './wait-options.ts'
import type { WaitOptions } from './waiting.ts'

export interface StartOptions extends WaitOptions {
  /**
   * When something does not start. `stop`: what has been declared is removed, the node stops, and the promise rejects.
   * `continue`: the rest runs; what does not is in `failed`.
   * @default 'stop'
   */
  readonly onFailure?: 'stop' | 'continue'
}

/** Something of a config that does not run. */
export interface ConfigFailure {
  /** Where it stands in the config: `groups[0]`. */
  readonly path: string
  readonly id: SpecId
  readonly error: Error
}

/** Something of a config that no live node can run. */
export interface ConfigPending {
  /** Where it stands in the config: `groups[0]`. */
  readonly path: string
  readonly id: SpecId
  /** What a node that runs it must have. */
  readonly reason: string
}

/** What has become of a config. */
export interface Started extends AsyncDisposable {
  readonly node: Node
  /** What this node has declared. */
  readonly declared: readonly SpecId[]
  /** What was there already: another node has the same config. */
  readonly present: readonly SpecId[]
  /** What was there already, and is not as this config says: it is left as it is, and the log has a warning. */
  readonly different: readonly SpecId[]
  /**
   * What a user has removed from the mesh, up to a day ago, and was then as this config says: it stays removed, and the log
   * has a warning.
   */
  readonly removed: readonly SpecId[]
  /**
   * What was declared or present, and no live node can run: it starts when one comes that can. The log has a warning for
   * each. No failure: another node with the same config may come later, and be the one.
   */
  readonly pending: readonly ConfigPending[]
  readonly failed: readonly ConfigFailure[]
}

/** Of a spec of a config that a user has removed from the mesh. */
const REMOVED =
  'stays removed, as a user has removed it from the mesh: take it out of the config, or add it by addWorker, addGroup or addChain'

/** Of a spec of a config that no live node can run. */
const PENDING =
  'is declared, and pending: no live node can run it. It starts when a node comes that can; if none is to come, correct the config'

/**
 * Reads a config from a module that has one as its default export. Paths of behaviours that begin with `./` or `../`
 * are taken from where the file is.
 * @throws {ConfigNotFoundError} when there is no such file; {ConfigError} when it cannot be imported; {OptionsError}
 * naming every bad field
 */
export async function loadConfig(path: string): Promise<Config> {
  const file = resolve(checkPath(path))
  try {
    await access(file)
  } catch (cause) {
    throw new ConfigNotFoundError(file, { cause })
  }
  const found = withResolved({ ...(await importFrom(file)) }, pathToFileURL(file).href)
  checkConfig(found)
  return found
}

/**
 * Starts a node, and declares the workers, groups and chains of the config on its mesh. Several nodes may start with
 * the same config: the first declares, the others find it there.
 * @throws {OptionsError} naming every bad field: then nothing has been started; {ConfigError} naming what did not
 * start; and as `createNode`
 * @example
 * await using mesh = await startConfig(await loadConfig('./mesh.config.ts'))
 */
export async function startConfig(config: Config, options: StartOptions = {}): Promise<Started> {
  const checked = checkConfig(config)
  const { onFailure, ...wait } = checkWait('the options of startConfig', options, startOptions)
  const node = await createNode(checked.node)
  const started = await declareConfig(node, checked, wait)
  if (started.failed.length === 0 || onFailure === 'continue') return started
  await Promise.allSettled(started.declared.map(id => node.declarations.takeBack(id)))
  await node.stop()
  throw new ConfigError(
    started.failed.map(({ path, id, error }) => `${path} "${id}": ${error.message}`),
    { cause: started.failed[0]?.error },
  )
}

/** Declares on a node what is not there yet. */
export async function declareConfig(
  node: Node,
  checked: CheckedConfig,
  options: WaitOptions = {},
): Promise<Started> {
  const declared: SpecId[] = []
  const present: SpecId[] = []
  const different: SpecId[] = []
  const removed: SpecId[] = []
  const pending: ConfigPending[] = []
  const failed: ConfigFailure[] = []
  const { core, plane } = node.inspect()
  const look = (path: string, id: SpecId): void => {
    const status = core.statusOf(id)
    if (status?.kind !== 'pending') return
    const { reason } = status
    pending.push({ path, id, reason })
    node.warn({ path, id, reason, known: core.ledger.behaviours() }, PENDING)
  }
  const declare = async ({ path, id, body }: ConfiguredSpec): Promise<void> => {
    try {
      const outcome = await node.declarations.addOfConfig({ id, body }, options)
      look(path, id)
      if (outcome === 'added') return void declared.push(id)
      const found = plane.router.bodyOf(id)
      if (found === undefined) {
        node.warn({ path, id }, REMOVED)
        return void removed.push(id)
      }
      const fields = differences(found, body)
      if (fields.length === 0) return void present.push(id)
      different.push(id)
      // Of what was declared at the same time, the node itself has warned.
      if (outcome === 'present') node.warn({ id, fields }, DIFFERENT)
    } catch (error) {
      failed.push({ path, id, error: error instanceof Error ? error : new Error(String(error)) })
    }
  }
  await Promise.all(checked.specs.map(declare))
  return {
    node,
    declared,
    present,
    different,
    removed,
    pending,
    failed,
    [Symbol.asyncDispose]: () => node.stop(),
  }
}

function checkPath(path: unknown): string {
  if (typeof path === 'string') return path
  throw new OptionsError('loadConfig', [{ path: 'path', found: show(path), wanted: 'the path of a file' }])
}

async function importFrom(file: string): Promise<object> {
  let module: unknown
  try {
    module = await import(pathToFileURL(file).href)
  } catch (cause) {
    // Of defineConfig, or of a behaviour beside it: it says more than that the file is bad.
    if (cause instanceof OptionsError) throw cause
    throw new ConfigError([`${file} cannot be imported: ${String(cause)}`], { cause })
  }
  const found: unknown =
    typeof module === 'object' && module !== null ? Reflect.get(module, 'default') : undefined
  if (typeof found !== 'object' || found === null) {
    throw new ConfigError([`${file} has no config: export default defineConfig({ … })`])
  }
  return found
}
