import { readFileSync } from 'node:fs'

/** Configuration problems, each with its path. */
export type Problems = string[]

/** Runs a check of a setting. An error becomes a problem at `where`, and the result is undefined. */
export function checked<T>(where: string, problems: Problems, check: () => T): T | undefined {
  try {
    return check()
  } catch (error) {
    problems.push(`${where}: ${(error as Error).message}`)
    return undefined
  }
}

/** Reads the file that a setting names and checks its content. */
export function checkedFile(where: string, file: string, problems: Problems, check: (content: Buffer) => void): void {
  let content: Buffer
  try {
    content = readFileSync(file)
  } catch (error) {
    problems.push(`${where}: the file cannot be read (${(error as NodeJS.ErrnoException).code})`)
    return
  }
  checked(where, problems, () => check(content))
}
