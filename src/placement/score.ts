// pure
/**
 * How much a node wants a unit: weighted rendezvous, the "logarithmic method" of Schindelhauer & Schomaker
 * (SPAA 2005). Only + - * / on doubles, which IEEE 754 fixes bit for bit; `Math.log` is left to the engine.
 */

import { type Hash64, mix } from '../hash.ts'

/**
 * -ln((hash + 0.5) / 2^32) for a 32-bit hash: exponentially distributed, falling as `hash` grows.
 * ln m = 2 artanh((m - 1) / (m + 1)), m in [1/√2, √2], eleven terms: below 1e-16.
 */
export function negativeLog(hash: number): number {
  const x = hash + 0.5
  let exponent = hash === 0 ? -1 : 31 - Math.clz32(hash)
  let mantissa = exponent < 0 ? 1 : x / ((1 << exponent) >>> 0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent += 1
  }
  const z = (mantissa - 1) / (mantissa + 1)
  const square = z * z
  let sum = 0
  for (let term = 21; term >= 1; term -= 2) sum = sum * square + 1 / term
  return (32 - exponent) * Math.LN2 - 2 * z * sum
}

/** Smaller is better. `weight` > 0: a node of weight 2 is the best of twice as many units as one of weight 1. */
export function score(unit: Hash64, node: Hash64, weight: number): number {
  return negativeLog(mix(unit, node)) / weight
}
