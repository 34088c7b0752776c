/**
 * Mutation tests of what must be right without anybody looking: the fold and the providers' mappings (`make mutation`).
 *
 * Stryker plants one small bug after the other (a mutant) and runs the tests that reach it. A mutant that no test
 * notices has survived. The score is the share of noticed ones; below `thresholds.break` the run fails. What to do about
 * a survivor is in ARCHITECTURE.md.
 *
 * Nothing is compiled: Stryker instruments the TypeScript in a copy of the project, and vitest strips the types.
 */
export default {
  mutate: ['src/payment/**/*.ts', 'src/providers/**/*.ts'],
  thresholds: { high: 95, low: 90, break: 85 },

  testRunner: 'vitest',
  // The usual configuration has the integration tests and their servers; this one is for mutants only.
  vitest: { configFile: 'test/lab/mutation/vitest.config.ts', related: false },
  // A mutant is judged by the tests that reach it, and by all of them if it is in a table that is built at load. Tables
  // are most of a mapping, so those mutants are not ignored.
  coverageAnalysis: 'perTest',
  ignoreStatic: false,
  // Stryker would rewrite paths in it by the TypeScript API, which TypeScript 7 no longer has. Ours leads nowhere outside.
  tsconfigFile: 'none',
  concurrency: Number(process.env['CONCURRENCY'] ?? 1),
  // A mutant that loops for ever is noticed by its loops (Stryker counts them), the clock is for the rest. Twice what the
  // tests take, and enough for a busy machine.
  timeoutFactor: 2,
  timeoutMS: Number(process.env['TIMEOUT_MS'] ?? 20_000),
  dryRunTimeoutMinutes: 10,

  // All that it writes is in one ignored folder.
  tempDirName: '.stryker/sandbox',
  incrementalFile: '.stryker/incremental.json',
  reporters: ['clear-text', 'html', 'json', 'progress-append-only'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, skipFull: true },
  htmlReporter: { fileName: '.stryker/mutation.html' },
  jsonReporter: { fileName: '.stryker/mutation.json' },
  // Not copied: nothing that the tests read.
  ignorePatterns: ['.stack', '.stryker', 'dist', 'coverage', '*.tgz', '*.log'],
  allowConsoleColors: false,
  checkers: [],
}
