import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PRODUCT_MESSAGES } from './product-messages.ts'

test.each(Object.entries(PRODUCT_MESSAGES))(
  'the product still logs what the laboratory recognizes: %s',
  (_, message) => {
    const src = join(import.meta.dirname, '..', '..', '..', 'src')
    const files = globSync('**/*.ts', { cwd: src }).filter((file) =>
      readFileSync(join(src, file), 'utf8').includes(message),
    )
    expect(files).toHaveLength(1)
  },
)
