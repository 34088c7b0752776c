/**
 * Makes the credentials that are missing: one random secret per name, as a file in a directory.
 *
 * usage: make-secrets.mjs DIRECTORY NAME...
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [directory, ...names] = process.argv.slice(2)
for (const name of names) {
  try {
    // Readable by the unprivileged user of the roles; only they mount the volume.
    writeFileSync(join(directory, name), randomBytes(24).toString('base64url'), { flag: 'wx', mode: 0o444 })
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}
