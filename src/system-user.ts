import { userInfo } from 'node:os'

/** The name of the user who runs this process. In a container the user id may have no name. */
export function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
