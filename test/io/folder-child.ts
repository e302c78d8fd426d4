/** Opens a data folder as another user, and says what became of it: `folder-child.ts FOLDER UID` */

import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'

import { DataFolder } from '../../src/io/system/data-folder.ts'

const [path = '', uid = ''] = process.argv.slice(2)
if (uid !== '') {
  process.setgid?.(Number(uid))
  process.setuid?.(Number(uid))
}
const init = {
  path,
  makeKey: async () => randomBytes(36),
  idOf: () => 'me',
  wallMs: () => Date.now(),
  onWarning: () => {},
}
const said = await DataFolder.open(init).then(
  async folder => {
    await folder.close()
    return 'opened'
  },
  (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
)
process.send?.({ said, left: await readdir(path).catch(() => []) })
