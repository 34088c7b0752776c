import { EXIT_FAILED, exitCodeOf, lostOutputMessage } from './commands/command-line.ts'
import { createProgram } from './commands/program.ts'
import { answerSignalsAsFirstProcess } from './first-process.ts'
import { crashText, serializeError, shownMessage } from './observability/log.ts'

/** The process around the command line: signals, defects, broken pipes, exit codes. */

answerSignalsAsFirstProcess(process)

// A defect in any role or tool. Node would print the error's message and properties, which may quote a body.
process.on('uncaughtException', (error) => {
  process.stderr.write(`paystatus: ended by an unexpected error: ${crashText(error)}\n`)
  process.exit(EXIT_FAILED)
})

// What a command does is not for its reader to end: an act or a check goes on without its output, to its own exit code.
process.stdout.once('error', (error: NodeJS.ErrnoException) => {
  const message = lostOutputMessage(error)
  if (message !== null) {
    process.stderr.write(message)
    process.exitCode = EXIT_FAILED
  }
})
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => {})
}

try {
  const program = await createProgram(process.argv.slice(2))
  await program.parseAsync()
} catch (error) {
  const { code } = error as { code?: string }
  process.stderr.write(`paystatus: ${shownMessage(error as Error)}\n`)
  process.exitCode = exitCodeOf(error)
  if (code === undefined && process.env['PAYSTATUS_DEBUG'] !== undefined) {
    process.stderr.write(`${serializeError(error).stack}\n`)
  }
}
