import type { Control, Verdict } from './verdict.ts'

/** What the table was made with. */
export interface Setting {
  readonly date: string
  /** Name and version of everything that took part. */
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
    'Written by `make mutants TABLE=docs/mutants.md`, which plants each of these bugs into a copy of the product, runs it in',
    'the fault laboratory, and asks whether the judge notices. The bugs are in `test/lab/faults/mutants/mutants.ts`; nothing of',
    'them is in `src/`.',
    '',
    'What counts is what the oracle sees, which shares nothing with the product. Our own second opinion catches nothing here; the',
    'laboratory itself only what disturbs and breaks nothing.',
    '',
    `${setting.date}; ${versions.join(', ')}. Caught: ${caught} of ${verdicts.length}.`,
    '',
    '| bug | what it does wrong | scenario, seed | tries | findings | caught by (the first of them) |',
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
    'The product itself in the same scenarios, so that "caught" means something:',
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
