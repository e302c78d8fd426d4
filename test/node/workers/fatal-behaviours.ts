/** Stages whose thread or process ends once, on one item each, in the middle of many. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { defineStage } from '../../../src/node/workers/behaviours.ts'

/** The environment says in which folder the dead leave their marks. */
export const MARKS = 'MESHVISOR_TEST_MARKS'

/** The first to come here dies: a file can be made once. */
function dieOnce(name: string, die: () => void): void {
  try {
    writeFileSync(join(process.env[MARKS] ?? '', name), '', { flag: 'wx' })
  } catch {
    return
  }
  die()
}

export const exiting = defineStage('fatal-exiting', (n: number) => {
  if (n === 300) dieOnce('exiting', () => process.exit(3))
  return n * 2
})

export const killed = defineStage('fatal-killed', async function* (n: number) {
  if (n === 1_200) dieOnce('killed', () => process.kill(process.pid, 'SIGKILL'))
  yield n
  yield -n
})
