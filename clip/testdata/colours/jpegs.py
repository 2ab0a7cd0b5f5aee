"""JPEGs of random coefficients in every colour model, with every marker, sampling and order of scans."""
import io
import itertools
import random
import struct

from PIL import Image

ZEROS = [0] * 64


def standard_tables():
    """The Huffman tables of the standard, as segments and as codes, from a file that Pillow wrote."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    data, segments, codes = out.getvalue(), b"", {}
    at = 2
    while data[at + 1] != 0xDA:
        size = struct.unpack(">H", data[at + 2:at + 4])[0]
        if data[at + 1] == 0xC4:
            segments += data[at:at + 2 + size]
            body = data[at + 4:at + 2 + size]
            table, code, values = {}, 0, iter(body[17:])
            for length, n in enumerate(body[1:17], 1):
                for _ in range(n):
                    table[next(values)] = f"{code:0{length}b}"
                    code += 1
                code <<= 1
            codes[body[0]] = table
        at += 2 + size
    return segments, codes


TABLES, CODES = standard_tables()


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def ceil(n, by):
    return (n + by - 1) // by


def magnitude(v):
    n = abs(v).bit_length()
    return n, (f"{v if v > 0 else v + (1 << n) - 1:0{n}b}" if n else "")


def packed(bits):
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")


class Scan:
    def __init__(self, start=0, end=63, high=0, low=0):
        self.start, self.end, self.high, self.low = start, end, high, low

    def block(self, b, table, before):
        """The bits of one block, and the DC to predict the next one from."""
        dc, ac = CODES[table], CODES[0x10 | table]
        bits = ""
        if self.start == 0 and self.high:
            return f"{b[0] >> self.low & 1}", 0
        if self.start == 0:
            now = b[0] >> self.low
            n, number = magnitude(now - before)
            bits, before = dc[n] + number, now
        if self.end == 0:
            return bits, before
        shifted = [abs(v) >> self.low for v in b]
        last = max((k for k in range(max(1, self.start), self.end + 1) if (shifted[k] == 1 if self.high else shifted[k])), default=0)
        run, held = 0, ""  # held: corrections of coefficients that an earlier scan has begun
        for k in range(max(1, self.start), self.end + 1):
            if shifted[k] == 0:
                run += 1
                continue
            if self.high and shifted[k] > 1:
                while run > 15 and k <= last:
                    bits, run, held = bits + ac[0xF0] + held, run - 16, ""
                held += f"{shifted[k] & 1}"
                continue
            while run > 15:
                bits, run, held = bits + ac[0xF0] + held, run - 16, ""
            if self.high:
                bits += ac[run << 4 | 1] + ("1" if b[k] > 0 else "0") + held
            else:
                n, number = magnitude(shifted[k] if b[k] > 0 else -shifted[k])
                bits += ac[run << 4 | n] + number
            run, held = 0, ""
        if run or held:
            bits += ac[0] + held
        return bits, before


def jpeg(components, size=(13, 11), markers=b"", progressive=False, restart=0, interleaved=True, tables=TABLES, wide=False, seed=1, edit=None, frame=None, depth=8):
    """components are (name, across, down)."""
    rng = random.Random(f"{components}{size}{seed}")
    width, height = size
    h_max, v_max = max(c[1] for c in components), max(c[2] for c in components)
    across, down = ceil(width, 8 * h_max), ceil(height, 8 * v_max)
    blocks = []
    for _, h, v in components:
        plane = {}
        for y, x in itertools.product(range(down * v), range(across * h)):
            b = plane[y, x] = [rng.randint(-60, 60)] + ZEROS[1:]
            for _ in range(2):
                b[min(63, int(rng.expovariate(.25)) + 1)] = rng.randint(-15, 15)
        blocks.append(plane)
    if edit:
        edit(blocks)
    quant = (struct.pack(">B64H", 0x10, *[16] + [9] * 63) if wide else bytes([0, 16] + [9] * 63))
    out = b"\xff\xd8" + markers + segment(0xDB, quant)
    out += segment(frame or (0xC2 if progressive else 0xC1 if wide else 0xC0), struct.pack(">BHHB", depth, height, width, len(components)) + b"".join(bytes([n, h << 4 | v, 0]) for n, h, v in components))
    out += tables
    if restart:
        out += segment(0xDD, struct.pack(">H", restart))

    def scan(chosen, s):
        nonlocal out
        selectors = b"".join(bytes([components[i][0], 0x11 if i in (1, 2) else 0]) for i in chosen)
        out += segment(0xDA, bytes([len(chosen)]) + selectors + bytes([s.start, s.end, s.high << 4 | s.low]))
        if len(chosen) == 1:
            _, h, v = components[chosen[0]]
            units = [[(chosen[0], y, x)] for y in range(ceil(ceil(height * v, v_max), 8)) for x in range(ceil(ceil(width * h, h_max), 8))]
        else:
            units = [[(i, y * components[i][2] + j, x * components[i][1] + k) for i in chosen for j in range(components[i][2]) for k in range(components[i][1])] for y in range(down) for x in range(across)]
        bits, before, resets = "", {}, 0
        for n, unit in enumerate(units):
            if restart and n and n % restart == 0:
                out += packed(bits) + bytes([0xFF, 0xD0 | resets % 8])
                bits, before, resets = "", {}, resets + 1
            for i, y, x in unit:
                more, before[i] = s.block(blocks[i][y, x], 1 if i in (1, 2) else 0, before.get(i, 0))
                bits += more
        out += packed(bits)

    everything = list(range(len(components)))
    together = interleaved and sum(h * v for _, h, v in components) <= 10
    groups = [everything] if together else [[i] for i in everything]
    if not progressive:
        for g in groups:
            scan(g, Scan())
    else:
        for g in groups:
            scan(g, Scan(0, 0, 0, 1))
        for i in everything:
            scan([i], Scan(1, 5, 0, 2))
            scan([i], Scan(6, 63, 0, 2))
        for high in (2, 1):
            for i in everything:
                scan([i], Scan(1, 63, high, high - 1))
        for g in groups:
            scan(g, Scan(0, 0, 1, 0))
    return out + b"\xff\xd9"


def named(names, factors=None):
    return [(n, *f) for n, f in zip(names, factors or [(1, 1)] * len(names))]


MARKERS = {"none": b"", "jfif": JFIF, **{f"adobe{t}": adobe(t) for t in range(4)}, **{f"jfif-adobe{t}": JFIF + adobe(t) for t in range(3)}}
NAMES = {1: (b"\1", b"\0", b"R"), 3: (b"\1\2\3", b"\0\1\2", b"RGB", b"YCC"[:2] + b"c", b"rgb"), 4: (b"\1\2\3\4", b"CMYK", b"RGBA")}
EVEN = {1: [(2, 2)], 3: [(2, 2), (1, 1), (1, 1)], 4: [(2, 2), (1, 1), (1, 1), (2, 2)]}


def pictures():
    order = {False: "baseline", True: "progressive"}
    for count, all_names in NAMES.items():
        for names, (marker, data), progressive in itertools.product(all_names, MARKERS.items(), order):
            yield f"model/{count}-{names.hex()}-{marker}-{order[progressive]}.jpg", jpeg(named(names), (9, 8), data, progressive)
        for (marker, data), progressive in itertools.product(MARKERS.items(), order):
            yield f"model/{count}-sampled-{marker}-{order[progressive]}.jpg", jpeg(named(all_names[0], EVEN[count]), (17, 9), data, progressive)
        for restart, progressive, interleaved, sampled in itertools.product((1, 2, 3, 7), order, (True, False), (True, False)):
            factors = EVEN[count] if sampled else None
            yield f"restart/{count}-{restart}-{order[progressive]}-{'together' if interleaved else 'apart'}-{'sampled' if sampled else 'full'}.jpg", jpeg(named(all_names[0], factors), (21, 19), b"", progressive, restart, interleaved)
        for wide, size in itertools.product((True, False), ((1, 1), (2, 3), (3, 2), (8, 8), (16, 16), (5, 33), (33, 5))):
            yield f"size/{count}-{size[0]}x{size[1]}-{'wide' if wide else 'narrow'}.jpg", jpeg(named(all_names[0], EVEN[count]), size, b"", False, 0, True, TABLES, wide)
    # Sampling: the first component and the other two by every pair of factors; each by its own where there is no 3.
    every = list(itertools.product((1, 2, 3, 4), repeat=2))
    for first, others in itertools.product(every, repeat=2):
        if all(max(a, b) % min(a, b) == 0 for a, b in zip(first, others)):
            for progressive in order:
                yield f"sampling/{first[0]}{first[1]}-{others[0]}{others[1]}-{order[progressive]}.jpg", jpeg(named(b"\1\2\3", [first, others, others]), (19, 18), JFIF, progressive)
    few = list(itertools.product((1, 2), repeat=2))
    for factors in itertools.product(few, repeat=3):
        yield f"sampling/each-{''.join(f'{h}{v}' for h, v in factors)}.jpg", jpeg(named(b"\1\2\3", factors), (19, 18))
    for factors, (model, data) in itertools.product(itertools.product(few, repeat=4), {"cmyk": adobe(0), "ycck": adobe(2)}.items()):
        if factors[1] == factors[2]:
            yield f"sampling/{model}-{''.join(f'{h}{v}' for h, v in factors)}.jpg", jpeg(named(b"\1\2\3\4", factors), (11, 10), data)
    for factors in every:
        yield f"sampling/grey-{factors[0]}{factors[1]}.jpg", jpeg(named(b"\1", [factors]), (19, 18))
    for name, frame, depth in (("12-bits", 0xC1, 12), ("12-bits-progressive", 0xC2, 12), ("16-bits", 0xC0, 16), ("lossless", 0xC3, 8), ("hierarchical", 0xC5, 8)):
        for count in NAMES:
            yield f"refused/{name}-{count}.jpg", jpeg(named(NAMES[count][0]), frame=frame, depth=depth)
    for count in (2, 5):
        yield f"refused/components-{count}.jpg", jpeg(named(bytes(range(1, count + 1))))
    # Motion JPEG leaves out the tables of the standard.
    for count, progressive in itertools.product(NAMES, order):
        yield f"no-tables/{count}-{order[progressive]}.jpg", jpeg(named(NAMES[count][0]), (21, 19), b"", progressive, tables=b"")
    yield "no-tables/avi1.jpg", jpeg(named(b"\1\2\3", EVEN[3]), (21, 19), segment(0xE0, b"AVI1" + bytes(12)), restart=4, tables=b"")
    parts = [b"\xff\xc4" + p for p in TABLES.split(b"\xff\xc4")[1:]]
    for kept in range(1, 15):
        yield f"no-tables/kept-{kept:04b}.jpg", jpeg(named(b"\1\2\3"), (9, 8), tables=b"".join(p for i, p in enumerate(parts) if kept >> i & 1))
    # Blocks whose runs of zeros lead beyond the last coefficient.
    for (symbol, number), (name, table), at in itertools.product(((0xF1, "1"), (0x53, "101"), (0xF0, "")), (("luma", 0), ("chroma", 1)), (50, 55, 60, 62, 63)):
        yield f"too-many/{symbol:02x}-{name}-{at}.jpg", overlong(symbol, number, table, at)
    for name, scan, symbol, bits in (
        ("first", (1, 5, 0, 1), 0x72, "11"), ("first-far", (50, 63, 0, 0), 0xF1, "1"), ("first-last", (60, 63, 0, 0), 0x41, "0"),
        ("refined", (1, 7, 1, 0), 0x71, "1" + "101"), ("refined-far", (1, 63, 1, 0), 0xF0, ""), ("refined-end", (62, 63, 1, 0), 0x51, "1"),
        ("refined-size", (1, 7, 1, 0), 0x02, ""),
    ):
        if name == "refined-size":
            bits = "0" + CODES[0x10][0] + "101"
        if name == "refined-far":
            bits = "101" + (CODES[0x10][0xF0]) * 2 + CODES[0x10][0xF1] + "1"
        yield f"too-many/progressive-{name}.jpg", overlong_progressive(scan, symbol, bits)


def overlong(symbol, number, table, at):
    """A JPEG whose first block has a run from position at on, in luma or chroma."""
    dc, ac = CODES[table], CODES[0x10 | table]
    names = b"\1\2\3"
    plain = [CODES[t][3] + "101" + CODES[0x10 | t][0] for t in (0, 1, 1)]
    skipped = "".join(ac[0x01] + "1" for _ in range(1, at))
    plain[table] = dc[3] + "110" + skipped + ac[symbol] + number
    if at + (symbol >> 4) < 63:
        plain[table] += ac[0]
    whole = jpeg(named(names), (8, 8))
    head = whole[:whole.index(b"\xff\xda")]
    return head + segment(0xDA, bytes([3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0])) + packed("".join(plain)) + b"\xff\xd9"


def overlong_progressive(scan, symbol, bits):
    """A progressive JPEG of one component whose scan of (start, end, high, low) begins with a symbol that leads beyond it."""
    dc, ac = CODES[0], CODES[0x10]
    whole = jpeg(named(b"\1"), (8, 8), progressive=True)
    out = whole[:whole.index(b"\xff\xda")]

    def add(s, text):
        nonlocal out
        out += segment(0xDA, bytes([1, 1, 0, s[0], s[1], s[2] << 4 | s[3]])) + packed(text)

    add((0, 0, 0, 0), dc[3] + "101")
    if scan[2]:  # it refines: coefficients 2, 4 and 6 are there already
        add((1, 7, 0, scan[2]), (ac[0x11] + "1") * 3 + ac[0])
    add(scan, ac[symbol] + bits)
    add((8, 20, 0, 0), ac[0x22] + "11" + ac[0])
    return out + b"\xff\xd9"
