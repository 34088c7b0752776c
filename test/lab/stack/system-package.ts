import { runCommand } from './run-command.ts'

/** Makes sure that a command of the system is there: with apt-get when we may, otherwise it says what to install. */
export async function ensureCommand(
  command: string,
  debianPackage: string,
  report: (line: string) => void,
): Promise<void> {
  if (await isInstalled(command)) return
  const missing = `${command} is missing: install it (Debian: apt-get install ${debianPackage}) and try again.`
  if (process.getuid?.() !== 0 || !(await isInstalled('apt-get'))) throw new Error(missing)
  report(`installing ${debianPackage} with apt-get`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  // Another checkout may be installing too: wait for its lock.
  const apt = ['apt-get', '-y', '-q', '-o', 'DPkg::Lock::Timeout=120'] as const
  await runCommand([...apt, 'update'], { env })
  const install = await runCommand([...apt, 'install', '--no-install-recommends', debianPackage], { env })
  if (!(await isInstalled(command))) throw new Error(`${missing} apt-get could not:\n${install.output.slice(-1_500)}`)
}

async function isInstalled(command: string): Promise<boolean> {
  return (await runCommand(['sh', '-c', 'command -v "$1"', 'sh', command])).ok
}
