/** A config in which every field is wrong, as `loadConfig` reads it. */

import { SURFACES } from './bad-values.ts'
import { allWrong } from './changed-field.ts'

const { config } = SURFACES
export default config === undefined ? undefined : allWrong(config).spec
