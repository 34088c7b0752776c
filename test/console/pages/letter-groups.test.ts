import { expect, test } from 'vitest'
import type { ConsoleWorld } from '../../../src/console/world.ts'
import { LetterGroups } from '../../../src/tools/dlq/group-letters.ts'
import { isSelected, type LetterFilter } from '../../../src/tools/dlq/letter-filter.ts'
import type { OpenLetter } from '../../../src/tools/dlq/open-letters.ts'
import type { Selection } from '../../../src/tools/dlq/select-letters.ts'
import { fakeWorld, NOW, startFakeConsole } from '../fake-world.ts'
import { RawBrowser } from '../raw-browser.ts'

/** A page acts on the dead letters that it shows, and on no others. */

type Given = readonly [source: string, provider: string, count: number]
/** Of which source and provider a callback was is not always known. */
const GROUPS: readonly Given[] = [
  ['clinic-b', 'instamed', 2],
  ['', '', 1],
  ['', 'instamed', 4],
  ['clinic-b', '', 8],
]
const REASON = 'unknown-source'
const LOCAL = ['Host: localhost']

const LETTERS: readonly OpenLetter[] = GROUPS.flatMap(([source, provider, count]) =>
  Array.from({ length: count }, (_, index) => ({
    letter: {
      place: { topic: 'rawDeadLetters' as const, partition: 0, offset: BigInt(index) },
      record: { key: null, value: null, headers: {}, timestamp: NOW, offset: BigInt(index) },
      reason: REASON,
      message: '',
      element: null,
      source,
      provider,
      at: NOW,
      redrives: 0,
    },
    reason: REASON,
    redrives: 0,
    topicId: 'id',
  })),
)

const selectedBy = (filter: LetterFilter) => LETTERS.filter(({ letter, reason }) => isSelected(filter, letter, reason))

function worldOfLetters() {
  /** How many dead letters each act was given, and how many a dry run. */
  const given: (readonly [act: string, count: number])[] = []
  const take = (act: string, selection: Selection) => {
    const count = selection.places === null ? selectedBy(selection.filter).length : selection.places.length
    given.push([act, count])
    return count
  }
  const world: ConsoleWorld = {
    ...fakeWorld(),
    listLetters: async (filter) => {
      const groups = new LetterGroups(NOW)
      for (const letter of selectedBy(filter)) {
        groups.add(letter)
      }
      return groups.grouped()
    },
    redrive: async (selection, { decider }) => {
      const letters = take(decider === null ? 'dry run' : 'redrive', selection)
      const none = { partly: 0, stays: 0, refused: 0, duplicates: 0, absent: 0 }
      return { applied: decider !== null, letters, redriven: letters, events: letters, ...none }
    },
    closeLetters: async (selection) => ({ closed: take('close', selection), absent: 0 }),
  }
  return { world, given }
}

const text = (html: string) => html.replaceAll('&amp;', '&')

/** The hidden fields of the form with this action. */
function fieldsOf(page: string, action: string): Record<string, string> {
  const form = page.split(`action="${action}"`)[1]?.split('</form>')[0] ?? ''
  return Object.fromEntries(
    [...form.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  )
}

test.each(GROUPS)(
  'source "%s", provider "%s": the page counts, closes and redrives only these %i',
  async (source, provider, count) => {
    const { world, given } = worldOfLetters()
    await using console_ = await startFakeConsole(world)
    const browser = new RawBrowser(console_.port, LOCAL)
    const links = [
      ...text((await browser.get('/dead-letters')).body).matchAll(/href="(\/dead-letters\/group\?[^"]*)"/g),
    ]
    const link = links
      .map(([, href]) => href ?? '')
      .find((href) => {
        const query = new URL(href, 'http://localhost').searchParams
        return query.get('source') === source && query.get('provider') === provider
      })
    const page = (await browser.get(link ?? '')).body
    expect(page).toContain(count === 1 ? '1 dead letter is open' : `${count} dead letters are open`)
    expect(page.includes('<dt>Source</dt><dd>not known</dd>')).toBe(source === '')

    const act = async (from: string, action: string) => {
      const { token = '', ...fields } = fieldsOf(from, action)
      const answer = await browser.post(action, { ...fields, reason: 'CHG-1' }, token)
      expect(answer.status).toBe(303)
      await expect
        .poll(() => world.jobs.find(answer.headers.get('location')?.slice('/runs/'.length) ?? '')?.result)
        .toBeTruthy()
      return (await browser.get(answer.headers.get('location') ?? '')).body
    }
    await act(page, '/dead-letters/close')
    await act(await act(page, '/dead-letters/dry-run'), '/dead-letters/redrive')
    expect(given).toEqual([
      ['close', count],
      ['dry run', count],
      ['redrive', count],
    ])
  },
)

test('what a link does not name matches any, and the page says so', async () => {
  const { world } = worldOfLetters()
  await using console_ = await startFakeConsole(world)
  const browser = new RawBrowser(console_.port, LOCAL)
  const page = (await browser.get('/dead-letters/group?topic=callbacks&provider=instamed')).body
  expect(page).toContain('6 dead letters are open')
  expect(page).toContain('<dt>Source</dt><dd>any</dd>')
})

test('a page acts on what it counts, whatever else its link says', async () => {
  const { world } = worldOfLetters()
  await using console_ = await startFakeConsole(world)
  const link = `/dead-letters/group?reason=${REASON}&cause=x&place=payments.callbacks.dlq[0]@1`
  const page = (await new RawBrowser(console_.port, LOCAL).get(link)).body
  const { token: _, ...fields } = fieldsOf(page, '/dead-letters/close')
  expect(fields).toEqual({ cause: REASON })
})

test.each(['/dead-letters/group?topic=', '/dead-letters/group', '/dead-letters/group?topic=other'])(
  '%s is no group',
  async (path) => {
    const { world } = worldOfLetters()
    await using console_ = await startFakeConsole(world)
    expect((await new RawBrowser(console_.port, LOCAL).get(path)).status).toBe(400)
  },
)

test('the API takes an empty value as the group that has none', async () => {
  const { world } = worldOfLetters()
  await using console_ = await startFakeConsole(world)
  const countOf = async (query: string) =>
    JSON.parse((await new RawBrowser(console_.port, LOCAL).get(`/api/dead-letters?${query}`)).body).deadLetters
  expect([await countOf('source='), await countOf('source=&provider='), await countOf('')]).toEqual([5, 1, 15])
})
