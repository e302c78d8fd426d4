// pure
/** What the compiler knows of a chain by its stages: how they fit, what goes in where, and what comes out. */

import type { Emission } from '../../protocol/spec-row.ts'
import type { StageSpec } from '../specs/chain-spec.ts'
import type { NoOthers } from '../specs/known.ts'
import type { Stage } from '../workers/behaviours.ts'

/**
 * The stages, at least one, each fitting to what the one before emits; the first that does not is where the compiler
 * complains. Of a list whose length is not known when it is compiled, only the fields are looked at.
 */
export type Linked<Stages extends readonly unknown[]> = number extends Stages['length']
  ? readonly Spelt<Stages[number]>[]
  : Stages extends readonly []
    ? readonly [StageSpec, ...StageSpec[]]
    : LinkedTo<Stages, unknown>

type LinkedTo<Stages extends readonly unknown[], Previous> = Stages extends readonly [
  infer Head,
  ...infer Rest,
]
  ? readonly [Fitting<Head, Previous>, ...LinkedTo<Rest, OutOf<Head>>]
  : readonly []

type Fitting<Head, Previous> = Head extends { readonly run: Stage<infer In, unknown> }
  ? unknown extends Previous
    ? Spelt<Head>
    : [Previous] extends [In]
      ? Spelt<Head>
      : { readonly run: Stage<Previous, unknown> }
  : StageSpec

/** Each with no other fields than those of a stage. */
type Spelt<Each> = Each extends unknown ? Each & NoOthers<Each, StageSpec> : never

type InOf<S> = S extends { readonly run: Stage<infer In, unknown> } ? In : never
type OutOf<S> = S extends { readonly run: Stage<never, infer Out> } ? Out : never
type EmissionIn<Stages extends readonly unknown[]> = {
  [K in keyof Stages]: Stages[K] extends { readonly route: 'broadcast' }
    ? 'many'
    : Stages[K] extends { readonly run: Stage<never, unknown, infer E> }
      ? E
      : never
}[number]

/** What goes into a chain with these stages. */
export type InputOf<Stages extends readonly unknown[]> = number extends Stages['length']
  ? InOf<Stages[number]>
  : Stages extends readonly [infer First, ...unknown[]]
    ? InOf<First>
    : never

/**
 * What goes into each stage, by its `id`, or by the name of its behaviour where it has none. Where the compiler knows
 * each of these, there are no others.
 */
export type InputsOf<Stages extends readonly unknown[]> = Named<Stages[number]> &
  (string extends NameOf<Stages[number]> ? Readonly<Record<string, unknown>> : unknown)

type Named<S> = {
  readonly [Each in S as string extends NameOf<Each> ? never : NameOf<Each>]: InOf<Each>
}

/** Any text where the compiler knows no more. */
type NameOf<S> = S extends unknown
  ? 'id' extends keyof S
    ? S extends { readonly id: infer Id extends string }
      ? Id
      : string
    : S extends { readonly run: Stage<never, unknown, Emission, infer Name> }
      ? Name
      : string
  : never

/** What can come out of the last of these stages. */
export type FinalOf<Stages extends readonly unknown[]> = number extends Stages['length']
  ? OutOf<Stages[number]>
  : Stages extends readonly [...unknown[], infer Last]
    ? OutOf<Last>
    : never

/**
 * What comes out for one item: a list where any stage may emit many or is broadcast to, possibly undefined where one
 * may drop, otherwise exactly what the last stage emits.
 */
export type OutcomeOf<Stages extends readonly unknown[]> =
  'many' extends EmissionIn<Stages>
    ? FinalOf<Stages>[]
    : 'maybe' extends EmissionIn<Stages>
      ? FinalOf<Stages> | undefined
      : FinalOf<Stages>

/**
 * What the stage `To` of a chain is given: the first where no stage is named, and where its name is any text; a stage
 * of which the compiler does not know, anything.
 */
export type InputAt<In, Inputs, To extends keyof Inputs> = [To] extends [never]
  ? In
  : string extends To
    ? In
    : Inputs[To]
