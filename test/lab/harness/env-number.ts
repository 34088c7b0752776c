/** A whole number from the environment; ends the process with a message if it is something else. */
export function envNumber(name: string, otherwise: number): number {
  const text = process.env[name]
  if (text === undefined || text === '') {
    return otherwise
  }
  if (!/^\d+$/.test(text)) {
    process.stderr.write(`${name}=${text} is not a whole number\n`)
    process.exit(2)
  }
  return Number(text)
}
