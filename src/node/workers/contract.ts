// pure
/** A server as its clients see it, for those that must not import the code. */

import { type BehaviourOptions, type Behaviour, type Server, defineServer } from './behaviours.ts'

/** What a contract says: functions as they are called, without the state. */
export interface ContractShape {
  /** What a worker is started with. @default nothing is known of it */
  readonly args?: readonly unknown[]
  readonly call?: object
  readonly cast?: object
}

/**
 * The type of a server with these functions, written by hand. `getWorker<typeof counter>('hits')` with an
 * `import type` does the same, where the types of the implementation may be imported.
 *
 * @example
 * type Counter = Contract<{ call: { add: (by: number) => number }; cast: { reset: () => void } }>
 * const hits = node.getWorker<Counter>('hits')
 * // Beside the implementation, so that the two never part:
 * counter satisfies Counter
 */
export type Contract<Shape extends ContractShape> = Server<
  Shape extends { readonly args: infer Args extends readonly unknown[] } ? Args : readonly unknown[],
  Stateless<Shape['call']>,
  Stateless<Shape['cast']>
>

type Stateless<Functions> = {
  readonly [K in keyof Functions]: Functions[K] extends (...args: infer Args) => infer Result
    ? (state: never, ...args: Args) => Result
    : never
}

const contracts = new WeakSet<Behaviour>()

/**
 * A stand-in for a server that other nodes have: to declare workers of it from a node that has not. It is never
 * registered, so that no worker is ever placed where there is no code.
 *
 * @example
 * const counter = contract<Counter>('counter')
 * await node.addWorker({ id: 'hits', run: counter, args: [0] })
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- taken on trust, as all that is said of other nodes
export function contract<S extends Server<readonly unknown[], object, object>>(
  name: string,
  options?: BehaviourOptions,
): S
export function contract(
  name: string,
  options: BehaviourOptions = {},
): Server<readonly unknown[], object, object> {
  const server = defineServer(
    name,
    {
      init: (): object => {
        throw new Error(`"${name}" is a contract: the code of it is on other nodes`)
      },
    },
    options,
  )
  contracts.add(server)
  return server
}

export function isContract(behaviour: Behaviour): boolean {
  return contracts.has(behaviour)
}
