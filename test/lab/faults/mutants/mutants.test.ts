import { stripTypeScriptTypes } from 'node:module'
import { describe, expect, test } from 'vitest'
import { FAULTS } from '../faults.ts'
import { planSchedule } from '../schedule.ts'
import { type Mutant, mutatedFiles } from './mutant.ts'
import { MUTANTS } from './mutants.ts'
import { readSource } from './mutated-checkout.ts'

test('mutants and faults have unique names', () => {
  for (const names of [MUTANTS.map(({ name }) => name), FAULTS.map(({ name }) => name)]) {
    expect(new Set(names).size).toBe(names.length)
  }
})

describe.each(MUTANTS)('$name', (mutant) => {
  test('can still be planted: its patches apply, and the result is TypeScript', () => {
    const files = mutatedFiles(mutant, readSource)
    expect(files.size).toBeGreaterThan(0)
    for (const [file, text] of files) {
      expect(text).not.toBe(readSource(file))
      expect(() => stripTypeScriptTypes(text), file).not.toThrow()
    }
  })

  test('has a scenario', () => {
    expect(() => planSchedule(mutant.seed, mutant.scenario, FAULTS)).not.toThrow()
  })
})

test('a place that moved or is not unique is reported with a remedy', () => {
  const mutant: Mutant = {
    name: 'any',
    what: '',
    patches: [{ file: 'a.ts', find: 'x', replace: 'y' }],
    scenario: 'none',
    seed: 1,
    expects: ['lost'],
  }
  expect(() => mutatedFiles(mutant, () => 'nothing here')).toThrow(/the patch of any finds "x" 0 times in a.ts/)
  expect(() => mutatedFiles(mutant, () => 'x x')).toThrow(/finds "x" 2 times/)
  expect([...mutatedFiles(mutant, () => 'an x')]).toEqual([['a.ts', 'an y']])
})
