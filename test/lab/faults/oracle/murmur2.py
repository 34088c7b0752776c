"""The partition that Java's default partitioner chooses for a key."""

MASK = 0xFFFFFFFF
M = 0x5BD1E995


def partition_of(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data):
    hashed = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at:at + 4], 'little') * M & MASK
        word = (word ^ word >> 24) * M & MASK
        hashed = hashed * M & MASK ^ word
    rest = data[whole:]
    if rest:
        hashed = (hashed ^ int.from_bytes(rest, 'little')) * M & MASK
    hashed = (hashed ^ hashed >> 13) * M & MASK
    return hashed ^ hashed >> 15
