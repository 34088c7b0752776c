/**
 * What counts as one caller when connections are limited per address: an IPv4 address, or the first 64 bits of an IPv6
 * address, because its owner usually has the whole network. An IPv4-mapped IPv6 address counts as IPv4.
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) {
    return address
  }
  const [bare = ''] = address.toLowerCase().split('%', 1)
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)?.[1]
  if (mapped !== undefined) {
    return mapped
  }
  const [before = '', after] = bare.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Math.max(0, 8 - head.length - tail.length)
  const groups = after === undefined ? head : [...head, ...Array.from({ length: zeros }, () => '0'), ...tail]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
