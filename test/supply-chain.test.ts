import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

/** Production dependencies: few packages, each with a reason, and none that runs code at installation. */

const ROOT = join(import.meta.dirname, '..')
const text = (file: string) => readFileSync(join(ROOT, file), 'utf8')

interface Locked {
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly link?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const DECLARED: Readonly<Record<string, string>> = JSON.parse(text('package.json')).dependencies
const LOCKED: readonly (readonly [path: string, entry: Locked])[] = Object.entries(
  JSON.parse(text('package-lock.json')).packages,
)
/** All direct and indirect dependencies of the product; the workspaces have their own. */
const PRODUCTION = closure(Object.keys(DECLARED))

/** Permissive licenses: redistribution is allowed, with a notice. */
const LICENSES = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0'])
/** Licenses of packages whose package.json names none, read from their LICENSE file. */
const READ_BY_US: Readonly<Record<string, string>> = { 'node_modules/@kafkajs/confluent-schema-registry': 'MIT' }
/** If a new dependency exceeds it, check whether it is worth what it brings along. */
const PACKAGES_MAX = 102

describe('production dependencies', () => {
  test('stand in ARCHITECTURE.md, each with its reason, and nothing else does', () => {
    const table = text('ARCHITECTURE.md').split('## Production dependencies')[1]?.split('\n## ')[0] ?? ''
    const rows = [...table.matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)].slice(1)
    const named = rows.flatMap(([, packages, reason]) =>
      reason?.trim() && !packages?.startsWith('---') ? (packages?.split(',').map((name) => name.trim()) ?? []) : [],
    )
    expect(named.toSorted()).toEqual(Object.keys(DECLARED).toSorted())
  })

  test('are pinned exactly, as the lock has them, with the hash of what is in them', () => {
    expect(Object.values(DECLARED).filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
    const ofLock = Object.keys(DECLARED).map((name) => [name, find(`node_modules/${name}`)?.version])
    expect(ofLock).toEqual(Object.entries(DECLARED))
    expect(PRODUCTION.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual(
      [],
    )
    expect(LOCKED.filter(([, { resolved, link }]) => resolved !== undefined && !link).map(([path]) => path)).toEqual([])
  })

  test('run nothing when they are installed', () => {
    expect(PRODUCTION.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)).toEqual([])
    // npm set this flag when it wrote the lock file.
    expect(text('.npmrc')).toContain('ignore-scripts=true')
  })

  test('have licenses that we may ship', () => {
    const others = PRODUCTION.filter(([path, { license }]) => !LICENSES.has(license ?? READ_BY_US[path] ?? ''))
    expect(others.map(([path, { license }]) => `${path}: ${license ?? 'none'}`)).toEqual([])
  })

  test('are few', () => {
    expect(PRODUCTION.length).toBeGreaterThanOrEqual(Object.keys(DECLARED).length)
    expect(PRODUCTION.length).toBeLessThanOrEqual(PACKAGES_MAX)
  })
})

function closure(names: readonly string[]): readonly (readonly [path: string, entry: Locked])[] {
  const found = new Map<string, Locked>()
  const visit = (from: string, name: string): void => {
    const path = resolve(from, name)
    const entry = find(path ?? '')
    if (path === undefined || entry === undefined || found.has(path)) {
      return
    }
    found.set(path, entry)
    for (const next of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      visit(path, next)
    }
  }
  for (const name of names) {
    visit('', name)
  }
  return [...found]
}

/** Resolves a package as Node.js does: next to the importer, then in each parent folder. */
function resolve(from: string, name: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`
    if (find(path) !== undefined || at === '') {
      return find(path) === undefined ? undefined : path
    }
  }
}

function find(path: string): Locked | undefined {
  return LOCKED.find(([candidate]) => candidate === path)?.[1]
}
