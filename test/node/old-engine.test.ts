/** On an older Node, the library loads as far as it takes to say so. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('a Node that is too old is told so, and not that it lacks something', async () => {
  // What Node 20 and 22 do not have.
  const code = `
    delete globalThis.Float16Array
    Object.defineProperty(process.versions, 'node', { value: '20.20.2' })
    const { createNode } = await import(${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)})
    await createNode().catch(error => console.log(error.name + ': ' + error.message))
  `
  const args = ['--conditions=meshvisor-source', '--input-type=module', '--eval', code]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toMatch(/^EngineError: found Node 20.20.2, wanted 24 or later/)
})
