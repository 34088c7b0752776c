export type Kind = 'lost' | 'duplicated' | 'wrong' | 'late'

/** A broken guarantee. */
export interface Found {
  readonly kind: Kind
  readonly text: string
}

/** The oracle shares nothing with the product; the second opinion is our own code; the laboratory observed it directly. */
export type Finder = 'oracle' | 'second opinion' | 'laboratory'

export interface Finding extends Found {
  readonly by: Finder
}
