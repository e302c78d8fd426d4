/** Which fields are not shown. */

import { expect, test } from 'vitest'

import { isSecretField } from '../../src/node/secret-field.ts'

test.each(['secret', 'Secret', 'clusterSecret', 'secert', 'secre', 'secretss'])('%s is a secret', name => {
  expect(isSecretField(name)).toBe(true)
})

test.each(['section', 'se', ''])('"%s" is none', name => {
  expect(isSecretField(name)).toBe(false)
})

test('nor is a very long one, which is not compared letter by letter', { timeout: 1_000 }, () => {
  expect(isSecretField('x'.repeat(20_000_000))).toBe(false)
})
