import { runCommand } from './run-command.ts'
import { ensureCommand } from './system-package.ts'

/** The path of Debian's Chromium, installed if it is missing. The driver downloads no browser of its own. */
export async function ensureChromium(report: (line: string) => void): Promise<string> {
  await ensureCommand('chromium', 'chromium', report)
  return (await runCommand(['sh', '-c', 'command -v chromium'])).output.trim()
}
