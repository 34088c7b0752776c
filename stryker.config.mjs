/**
 * Mutation tests of the fold and the providers' mappings (`make mutation`).
 *
 * Stryker plants one small bug (a mutant) after another and runs the tests that reach it. A mutant survives if no test
 * fails. The score is the share of mutants that did not survive; the run fails below `thresholds.break`.
 * test/lab/README.md says what to do about a survivor, and what EXAMPLES_ONLY leaves out.
 *
 * Nothing is compiled: Stryker instruments the TypeScript in a copy of the project, and vitest strips the types.
 */
const examplesOnly = Boolean(process.env['EXAMPLES_ONLY'])

export default {
  mutate: ['src/payment/**/*.ts', 'src/providers/**/*.ts'],
  thresholds: { high: 95, low: 90, break: 85 },

  testRunner: 'vitest',
  // Not the usual configuration, which also has the integration tests.
  vitest: { configFile: 'test/lab/mutation/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // A mutant in a table that is built when its module is loaded ("static") is judged by every test, which is slow. But
  // most of a mapping is such tables, so only EXAMPLES_ONLY leaves them out.
  ignoreStatic: examplesOnly,
  // Stryker would rewrite the paths in tsconfig.json with the TypeScript API, which TypeScript 7 does not have. Ours has
  // no path that leads out of the project.
  tsconfigFile: 'none',
  concurrency: Number(process.env['CONCURRENCY'] ?? 1),
  // Stryker counts loop iterations to detect endless loops; the timeout is for everything else. It allows twice the time
  // of the tests, plus enough for a busy machine.
  timeoutFactor: 2,
  timeoutMS: Number(process.env['TIMEOUT_MS'] ?? 20_000),
  dryRunTimeoutMinutes: 10,

  // All output goes into one folder that git ignores.
  tempDirName: '.stryker/sandbox',
  incrementalFile: '.stryker/incremental.json',
  reporters: ['clear-text', 'html', 'json', 'progress-append-only'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, skipFull: true },
  htmlReporter: { fileName: '.stryker/mutation.html' },
  jsonReporter: { fileName: '.stryker/mutation.json' },
  // Not copied, because no test reads it.
  ignorePatterns: ['.stack', '.stryker', 'dist', 'coverage', '*.tgz', '*.log'],
  allowConsoleColors: false,
  checkers: [],
}
