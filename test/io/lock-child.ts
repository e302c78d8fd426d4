/** Takes a lock and holds it until it is killed: `lock-child.ts FOLDER NAME KIND` */

import { takeLock } from '../../src/io/system/lock.ts'

const [folder = '', name = '', kind = ''] = process.argv.slice(2)
const lock = await takeLock({ folder, name, kind: kind === 'file' ? 'file' : 'abstract' }, () => {})
setInterval(() => {}, 60_000)
process.send?.({ isTaken: lock !== undefined })
