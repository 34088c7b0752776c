/**
 * CRC-32C (Castagnoli), eight bytes at a time ("slicing by eight"): three times as fast as the usual single table,
 * which kafkajs uses. Every byte written and read passes through here. test/kafka/client/crc32c.test.ts compares the two.
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1
  let at = 0
  const wholeEnd = bytes.length - (bytes.length % 8)
  while (at < wholeEnd) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24))
    crc =
      (T7[low & 0xff] as number) ^
      (T6[(low >>> 8) & 0xff] as number) ^
      (T5[(low >>> 16) & 0xff] as number) ^
      (T4[low >>> 24] as number) ^
      (T3[bytes[at + 4] as number] as number) ^
      (T2[bytes[at + 5] as number] as number) ^
      (T1[bytes[at + 6] as number] as number) ^
      (T0[bytes[at + 7] as number] as number)
    at += 8
  }
  for (; at < bytes.length; at += 1) {
    crc = (T0[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}

const POLYNOMIAL = 0x82f63b78

const T0 = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) {
    crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  }
  return crc
})
const T1 = nextTable(T0)
const T2 = nextTable(T1)
const T3 = nextTable(T2)
const T4 = nextTable(T3)
const T5 = nextTable(T4)
const T6 = nextTable(T5)
const T7 = nextTable(T6)

/** The table for a byte one position further from the end. */
function nextTable(previous: Int32Array): Int32Array {
  return previous.map((crc) => (T0[crc & 0xff] as number) ^ (crc >>> 8))
}
