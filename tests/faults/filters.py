"""The filters of PDF streams, from the writing side."""


class Bits:
    """Codes of growing width, the highest bit first."""

    def __init__(self):
        self.value, self.count, self.bytes = 0, 0, bytearray()

    def put(self, code, width):
        self.value, self.count = (self.value << width) | code, self.count + width
        while self.count >= 8:
            self.count -= 8
            self.bytes.append(self.value >> self.count)
            self.value &= (1 << self.count) - 1

    def end(self):
        if self.count:
            self.put(0, 8 - self.count)
        return bytes(self.bytes)


def width(entries):
    """Bits of a code once the writer's table has so many entries."""
    return 9 + (entries >= 512) + (entries >= 1024) + (entries >= 2048)


def lzw(data):
    """LZW as PDFs have it."""
    bits, table, word = Bits(), {}, b""
    bits.put(256, 9)
    for byte in data:
        longer = word + bytes([byte])
        if len(longer) == 1 or longer in table:
            word = longer
            continue
        bits.put(table.get(word, word[0]), width(258 + len(table)))
        table[longer] = 258 + len(table)
        word = bytes([byte])
        if len(table) == 4095 - 258:
            bits.put(256, 12)
            table = {}
    if word:
        bits.put(table.get(word, word[0]), width(258 + len(table)))
    bits.put(257, width(259 + len(table)))
    return bits.end()


def lzw_run(byte, tables):
    """What `lzw` makes of one byte, some 7 MB of it a table."""
    bits = Bits()
    for number in range(tables):
        bits.put(256, 12 if number else 9)
        bits.put(byte, 9)
        for code in range(258, 4094):
            bits.put(code, width(code + 1))
    bits.put(257, 12)
    return bits.end()


def hex_chain(depth, data):
    for _ in range(depth):
        data = data.hex().encode() + b">"
    return data
