/**
 * Makes the credentials that are missing: one random secret per name, as a file in a directory. For the console it makes the
 * file of tokens, too, and prints the token with which operators sign in.
 *
 * usage: make-secrets.mjs DIRECTORY NAME...
 */
import { hash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [directory, ...names] = process.argv.slice(2)
for (const name of names) {
  writeMissing(name, randomBytes(24).toString('base64url'))
}
if (names.includes('console-token')) {
  const token = readFileSync(join(directory, 'console-token'), 'utf8')
  writeMissing('console-tokens', `operator operator ${hash('sha256', token)}\n`)
  console.log(`console: sign in with the token ${token}`)
}

function writeMissing(name, content) {
  try {
    // Readable by the unprivileged user of the roles; only they mount the volume.
    writeFileSync(join(directory, name), content, { flag: 'wx', mode: 0o444 })
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}
