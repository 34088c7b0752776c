import type { Control, Verdict } from './verdict.ts'

/** The setting of the campaign. */
export interface Setting {
  readonly date: string
  /** Name and version of all components. */
  readonly versions: Readonly<Record<string, string>>
}

const TEXT_MAX = 160

/** The table of docs/mutants.md. Pure. */
export function toMarkdown(verdicts: readonly Verdict[], controls: readonly Control[], setting: Setting): string {
  const caught = verdicts.filter(({ caughtBy }) => caughtBy !== undefined).length
  const versions = Object.entries(setting.versions).map(([name, version]) => `${name} ${version}`)
  return [
    '# Planted bugs',
    '',
    'Written by `make mutants TABLE=docs/mutants.md`; do not edit. It plants each of these bugs into a copy of the product, runs',
    'it in the fault laboratory, and checks that the judge notices. The bugs are defined in `test/lab/faults/mutants/mutants.ts`;',
    'none of them is in `src/`.',
    '',
    'What counts is a finding of the oracle, which shares nothing with the product. The second opinion of our own code catches',
    'nothing here. The laboratory itself catches bugs that disturb without breaking a guarantee of the data, or that mislead the',
    'operator.',
    '',
    `${setting.date}; ${versions.join(', ')}. Caught: ${caught} of ${verdicts.length}.`,
    '',
    '| bug | wrong behaviour | scenario, seed | tries | findings | caught by (first finding) |',
    '|---|---|---|---|---|---|',
    ...verdicts.map(({ mutant, tries, seed, findings, caughtBy }) =>
      row([
        `\`${mutant.name}\``,
        mutant.what,
        `${mutant.scenario}, ${seed}`,
        String(tries),
        String(findings.length),
        caughtBy === undefined ? '**not caught**' : `${caughtBy.by}, ${caughtBy.kind}: ${shortened(caughtBy.text)}`,
      ]),
    ),
    ...(controls.length === 0 ? [] : ['', ...tableOf(controls)]),
  ].join('\n')
}

function tableOf(controls: readonly Control[]): readonly string[] {
  return [
    'Control: the unchanged product in the same scenarios.',
    '',
    '| scenario | seed | findings |',
    '|---|---|---|',
    ...controls.map(({ scenario, seed, findings }) => row([scenario, String(seed), String(findings.length)])),
  ]
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}

function shortened(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)} …`
}
