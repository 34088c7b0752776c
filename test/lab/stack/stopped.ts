import { existsSync, readdirSync, readFileSync } from 'node:fs'

/**
 * Whether every thread of a process group is stopped or gone. The kernel stops threads a moment after SIGSTOP was sent, and
 * until then a server still answers. Always true where there is no /proc.
 */
export function isGroupStopped(group: number): boolean {
  if (!existsSync('/proc/self/stat')) return true
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(name)?.group === group)
    .flatMap((pid) => threadsOf(pid).map((thread) => statOf(`${pid}/task/${thread}`)?.state))
    .every((state) => state === undefined || 'TtZX'.includes(state))
}

function threadsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Of a process, or of a thread (`<pid>/task/<thread>`). Undefined once it is gone. */
export function statOf(process: string): { readonly state: string; readonly group: number } | undefined {
  try {
    // The name before them may contain anything, parentheses and blanks included.
    const [state = '', , group] = (readFileSync(`/proc/${process}/stat`, 'utf8').split(') ').at(-1) ?? '').split(' ')
    return { state, group: Number(group) }
  } catch {
    return undefined
  }
}
