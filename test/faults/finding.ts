export type Kind = 'lost' | 'duplicated' | 'wrong' | 'late'

/** Something that breaks a promise. */
export interface Finding {
  readonly kind: Kind
  readonly text: string
}
