// pure
/**
 * How much a node wants a unit: weighted rendezvous, the "logarithmic method" of Schindelhauer & Schomaker
 * (SPAA 2005). Only + - * / on doubles, which IEEE 754 fixes bit for bit; `Math.log` is left to the engine.
 */

import { type Hash64, mix } from '../hash.ts'

/** Hashes of pairs are below this. */
export const HASH_SPAN = 0x1_0000_0000

/**
 * In units of 1 / 2^32. -ln(1 - d) ≥ d, so a pair whose d / weight is above a score need not be looked at to know that
 * its own is higher, and the logarithm is taken a few times for each unit instead of once for each pair. The slack is
 * far more than the half and the rounding errors that the comparison leaves out.
 */
export const PRUNE_SLACK = 8

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
