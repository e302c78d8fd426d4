// shell
/** The behaviours that a node can run, by `name@version`, and the modules that they come from. */

import { OptionsError, type Problem } from '../../errors.ts'
import { promised } from '../../promised.ts'
import { BEHAVIOURS_MAX } from '../../protocol/member-row.ts'
import { isolatedNeed } from '../../protocol/spec-row.ts'
import { show } from '../show.ts'
import { isContract } from './contract.ts'
import { type Behaviour, behaviourId, isBehaviour } from './behaviours.ts'

/** A module by its URL (all behaviours that it exports), an imported module, or a behaviour itself. */
export type BehaviourSource = string | URL | Behaviour | Readonly<Record<string, unknown>>

export class Registry {
  readonly #behaviours = new Map<string, Behaviour>()
  /** Of those that came by URL. */
  readonly #modules = new Map<string, string>()

  /**
   * What the node can run, as its member row says: see `needOf`. Sorted. `simulated`: threads and processes are
   * played inline, which asks for no module.
   */
  abilities(isolation: 'real' | 'simulated'): string[] {
    const ids = [...this.#behaviours.keys()]
    const isolable = isolation === 'real' ? [...this.#modules.keys()] : ids
    return [...ids, ...isolable.map(isolatedNeed)].toSorted()
  }

  /** The URL of the module that exports the behaviour: a thread or process imports it. */
  moduleOf(id: string): string | undefined {
    return this.#modules.get(id)
  }

  find(id: string): Behaviour | undefined {
    return this.#behaviours.get(id)
  }

  /** One with these. Throws as `load` does. */
  static async of(sources: readonly BehaviourSource[]): Promise<Registry> {
    const registry = new Registry()
    await registry.load(sources)
    return registry
  }

  /**
   * Imports what has to be imported, and registers every behaviour that is found.
   * @throws {OptionsError} naming each source that cannot be imported, or holds none, or repeats a name; or how many there are, if too many
   */
  async load(sources: readonly BehaviourSource[]): Promise<void> {
    const problems: Problem[] = []
    for (const [index, source] of sources.entries()) {
      const path = `behaviours[${index}]`
      try {
        this.#register(await exportsOf(source), { path, url: urlOf(source), problems })
      } catch (error) {
        problems.push({
          path,
          found: `${show(source)} (${String(error)})`,
          wanted: 'a module that can be imported',
        })
      }
    }
    const count = this.abilities('real').length
    if (count > BEHAVIOURS_MAX) {
      const wanted = `at most ${BEHAVIOURS_MAX}, where what comes by URL counts twice: share them out over several nodes`
      problems.push({ path: 'behaviours', found: `${count} of them`, wanted })
    }
    if (problems.length > 0) throw new OptionsError('createNode', problems)
  }

  #register(
    values: readonly unknown[],
    from: { readonly path: string; readonly url: string | undefined; readonly problems: Problem[] },
  ): void {
    const { path, url, problems } = from
    const behaviours = values.filter(isBehaviour).filter(found => !isContract(found))
    if (behaviours.length === 0) {
      problems.push({
        path,
        found: 'no behaviour',
        wanted: 'at least one of defineStage, defineServer, defineTask',
      })
    }
    for (const behaviour of behaviours) {
      const id = behaviourId(behaviour)
      const known = this.#behaviours.get(id)
      if (known !== undefined && known !== behaviour) {
        problems.push({ path, found: `a second behaviour "${id}"`, wanted: 'another name or version' })
      }
      this.#behaviours.set(id, behaviour)
      if (url !== undefined) this.#modules.set(id, url)
    }
  }
}

function urlOf(source: BehaviourSource): string | undefined {
  return typeof source === 'string' || source instanceof URL ? String(source) : undefined
}

async function exportsOf(source: BehaviourSource): Promise<unknown[]> {
  if (typeof source === 'string' || source instanceof URL) {
    const module: unknown = await import(String(source))
    return Object.values<unknown>({ ...promised<object>(module) })
  }
  return isBehaviour(source) ? [source] : Object.values(source)
}
