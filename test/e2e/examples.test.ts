/** Every example runs by itself, and says what it says it does. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const folder = fileURLToPath(new URL('../../examples', import.meta.url))
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

async function run(file: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ['--conditions=meshvisor-source', `${folder}/${file}`])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += String(data)))
  await once(child, 'exit')
  return { code: child.exitCode, output }
}

const EXPECTED: Readonly<Record<string, RegExp>> = {
  '01-worker.ts': /called from one node: 42\nand from another: 42/,
  '02-group.ts':
    /two members on 2 nodes\n.*2 members; right has heard \[ 'hello' \]\n.*stumbled\nall run again, as generation 2\nright has heard \[\]/,
  '03-chain.ts':
    /\[ 'TO', 'BE', 'OR' \]\n\[ 'NOT', 'TO', 'BE' \]\n\[\]\n.*\[ 'THAT', 'IS', 'THE', 'QUESTION' \]/,
  '04-simulation.ts': /500 outcomes, [1-9]\d* items sent again, in \d+ virtual ms/,
}

test('every example is checked', () => {
  expect(
    readdirSync(folder)
      .filter(file => /^\d/.test(file))
      .toSorted(),
  ).toEqual(Object.keys(EXPECTED))
})

test.each(Object.entries(EXPECTED))('%s', async (file, expected) => {
  const { code, output } = await run(file)
  expect(output).toMatch(expected)
  expect(code).toBe(0)
})

test('the example of the README runs, and is about 25 lines long', async () => {
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  expect(code.split('\n').length).toBeLessThanOrEqual(26)
  // Inside the package, so that it can import itself by its name; not for others on this network to join.
  const file = `.readme-${process.pid}.ts`
  writeFileSync(`${folder}/${file}`, code.replace("'hello'", `'hello-${process.pid}'`))
  try {
    const { code: exit, output } = await run(file)
    expect(output).toBe("42\n[ 'TO', 'BE', 'OR' ]\n[ 'NOT', 'TO', 'BE' ]\n")
    expect(exit).toBe(0)
  } finally {
    rmSync(`${folder}/${file}`)
  }
})
