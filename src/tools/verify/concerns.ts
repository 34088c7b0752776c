/** The passes that each raw record concerns, if noted. With more passes than bits, several passes share a bit. */
export class Concerns {
  readonly #byPartition = new Map<number, { readonly first: bigint; readonly bits: number[] }>()

  note(partition: number, offset: bigint, passes: readonly number[]): void {
    const noted = this.#byPartition.get(partition) ?? { first: offset, bits: [] }
    this.#byPartition.set(partition, noted)
    // Never zero, to distinguish noted records from others.
    noted.bits[Number(offset - noted.first)] = passes.reduce((bits, pass) => bits | bitOf(pass), NOTED)
  }

  may(partition: number, offset: bigint, pass: number): boolean {
    const noted = this.#byPartition.get(partition)
    const bits = noted?.bits[Number(offset - noted.first)]
    return bits === undefined || (bits & bitOf(pass)) !== 0
  }
}

const NOTED = 1
const PASS_BITS = 29

function bitOf(pass: number): number {
  return 2 << (pass % PASS_BITS)
}
