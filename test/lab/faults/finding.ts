export type Kind = 'lost' | 'duplicated' | 'wrong' | 'late'

/** Something that breaks a promise. */
export interface Found {
  readonly kind: Kind
  readonly text: string
}

/** The oracle shares nothing with the product; the second opinion is our own code; the laboratory watched it happen. */
export type Finder = 'oracle' | 'second opinion' | 'laboratory'

export interface Finding extends Found {
  readonly by: Finder
}
