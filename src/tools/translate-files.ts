import { withChildReports } from '../payment/child-report.ts'
import type { Provider, Translation } from '../providers/provider.ts'
import type { CallbackFile } from './callback-files.ts'

/** What `paystatus translate` prints for a file, one JSON document per line. Other tools read it: the names are stable. */
export interface TranslatedFile extends Pick<Translation, 'events' | 'deadLetters' | 'setAside'> {
  readonly file: string
}

/** What each callback says, with the adapter that the normalizer uses. Pure; a dead letter is a result, not an error. */
export function translateFiles(provider: Provider, files: readonly CallbackFile[]): readonly TranslatedFile[] {
  return files.map(({ file, callback }) => {
    const { events, deadLetters, setAside } = provider.translate(callback)
    return { file, events: withChildReports(events), deadLetters, setAside }
  })
}
