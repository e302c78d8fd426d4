// pure
/** Fields that a spec does not have: the compiler looks for them by itself only where it infers nothing. */

/** Stands at a field that there is not, for the message of the compiler. */
export interface NoSuchField {
  readonly 'no such field': never
}

/** Refuses each field of what was given that the `Spec` does not have. */
export type NoOthers<Given, Spec> = { readonly [K in Exclude<keyof Given, keyof Spec>]: NoSuchField }
