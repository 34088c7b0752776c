import { hash } from 'node:crypto'

/** A line of the file of tokens. */
export function tokenLine(name: string, role: string, token: string): string {
  return `${name} ${role} ${hash('sha256', token)}`
}
