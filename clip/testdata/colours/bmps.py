"""BMPs in every form: headers, depths, palettes, masks, run lengths, offsets and directions, with and without a file header."""
import itertools
import random
import struct

SIZES = {"word": (32, 3), "odd": (7, 5), "pixel": (1, 1), "column": (1, 6), "row": (41, 1)}


def colours(kind, n, entry=4):
    """A palette of n entries."""
    rng = random.Random(f"{kind}{n}")
    value = {"random": lambda i: rng.randbytes(3), "ramp": lambda i: bytes([i & 255] * 3), "reversed": lambda i: bytes([255 - (i & 255)] * 3),
             "black-white": lambda i: bytes([255 * (i % 2)] * 3), "white-black": lambda i: bytes([255 - 255 * (i % 2)] * 3)}[kind]
    return b"".join(value(i) + (b"" if entry == 3 else bytes([rng.randrange(256)])) for i in range(n))


def bitmap(bits, header=40, compression=0, masks=b"", palette=b"", used=0, size=(7, 5), down=False, data=None, seed=0):
    """What follows a BMP's file header, and how much of it is in front of the pixels."""
    width, height = size
    if data is None:
        data = random.Random(f"{bits}{size}{seed}").randbytes((width * bits + 31) // 32 * 4 * height)
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, -height if down else height, 1, bits, compression, len(data), 0, 0, used, 0)
        head += masks if header == 40 else masks.ljust(header - 40, b"\0")
    return head + palette, data


def bmp(bits, header=40, gap=0, start=None, tail=b"", **options):
    head, data = bitmap(bits, header, **options)
    if start is None:
        start = 14 + len(head) + gap
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + gap + len(data), 0, 0, start) + head + bytes(gap) + data + tail


def plain():
    for bits, header, (name, size), down in itertools.product((1, 4, 8, 16, 24, 32), (12, 40, 52, 56, 64, 108, 124), SIZES.items(), (False, True)):
        if down and header == 12:
            continue
        entry = 3 if header == 12 else 4
        for kind in ("random", "ramp", "black-white", "white-black") if bits <= 8 else (None,):
            if kind != "random" and bits <= 8 and (name != "odd" or bits == 4 and kind == "ramp"):
                continue
            palette = colours(kind, 1 << bits, entry) if kind else b""
            yield f"{bits}-header{header}-{name}{'-' + kind if kind else ''}{'-down' if down else ''}", bmp(bits, header, palette=palette, size=size, down=down)
    for bits, gap, down in itertools.product((1, 4, 8, 16, 24, 32), (1, 2, 6, 300), (False, True)):
        palette = colours("random", 1 << bits) if bits <= 8 else b""
        yield f"{bits}-gap{gap}{'-down' if down else ''}", bmp(bits, gap=gap, palette=palette, down=down)
    for bits, start in itertools.product((1, 4, 8, 16, 24, 32), (0, 14, 20, 54, 60)):
        palette = colours("random", 1 << bits) if bits <= 8 else b""
        yield f"{bits}-start{start}", bmp(bits, palette=palette, start=start)
        yield f"{bits}-tail-start{start}", bmp(bits, palette=palette, start=start, tail=bytes(range(99)) * 3)
    for bits, header in itertools.product((1, 4, 8), (12, 40, 124)):
        yield f"{bits}-header{header}-start-of-palette", bmp(bits, header, palette=colours("random", 1 << bits, 3 if header == 12 else 4), start=14 + header)
    # Palettes of more and of less colours than the pixels can name, and of less than declared.
    for bits, kind, used in itertools.product((1, 4, 8), ("random", "ramp", "reversed", "black-white", "white-black"), (1, 2, 3, 5, 16, 17, 200, 255, 256, 257, 300)):
        if used <= 2 and bits > 1 and kind in ("ramp", "black-white") or bits < 8 and used > 2 and kind == "ramp":
            continue  # Pillow reads these with another depth
        yield f"{bits}-used{used}-{kind}", bmp(bits, palette=colours(kind, used), used=used)
        yield f"{bits}-used{used}-{kind}-short", bmp(bits, palette=colours(kind, used // 2), used=used, tail=bytes(4 * used))
    for bits, used in itertools.product((16, 24, 32), (1, 7, 256)):
        yield f"{bits}-used{used}", bmp(bits, palette=colours("random", used), used=used)
    for size in ((2, 2), (3, 300), (300, 3), (31, 2), (33, 2)):
        for bits in (1, 4, 8, 16, 24, 32):
            yield f"{bits}-size{size[0]}x{size[1]}", bmp(bits, palette=colours("random", 1 << bits) if bits <= 8 else b"", size=size)


LAYOUTS = {
    "bgr0": (0xFF0000, 0xFF00, 0xFF, 0), "0bgr": (0xFF000000, 0xFF0000, 0xFF00, 0), "bg0r": (0xFF000000, 0xFF00, 0xFF, 0), "abgr": (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
    "rgba": (0xFF, 0xFF00, 0xFF0000, 0xFF000000), "bgra": (0xFF0000, 0xFF00, 0xFF, 0xFF000000), "bgar": (0xFF000000, 0xFF00, 0xFF, 0xFF0000), "none": (0, 0, 0, 0),
    "rgb0": (0xFF, 0xFF00, 0xFF0000, 0), "10bits": (0x3FF00000, 0xFFC00, 0x3FF, 0), "overlap": (0xFF, 0xFF, 0xFF, 0),
    "565": (0xF800, 0x7E0, 0x1F, 0), "555": (0x7C00, 0x3E0, 0x1F, 0), "5551": (0x7C00, 0x3E0, 0x1F, 0x8000), "4444": (0xF00, 0xF0, 0xF, 0xF000), "565rgb": (0x1F, 0x7E0, 0xF800, 0),
}


def fields():
    for (name, masks), bits, header, down in itertools.product(LAYOUTS.items(), (16, 24, 32), (40, 52, 56, 64, 108, 124), (False, True)):
        if down and header not in (40, 124):
            continue
        data = struct.pack("<IIII", *masks)[:12 if header == 40 else 16]
        yield f"{bits}-{name}-header{header}{'-down' if down else ''}", bmp(bits, header, compression=3, masks=data, down=down)
    for bits in (1, 4, 8):
        yield f"{bits}-indices", bmp(bits, compression=3, masks=bytes(12), palette=colours("random", 1 << bits))
    every = struct.pack("<192H", *(v << shift & 0xFFFF for shift in (0, 5, 10) for v in range(64)))
    yield "16-every", bmp(16, size=(64, 3), data=every)
    yield "16-565-every", bmp(16, size=(64, 3), compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F), data=every)


def rows8(size, rng):
    return [[rng.choice((0, 1, 1, 1, rng.randrange(256))) for _ in range(size[0])] for _ in range(size[1])]


def packed(row, four, absolute):
    """One row as runs, or as literal pixels where there are three or more."""
    out, at = b"", 0
    while at < len(row):
        n = 1
        while at + n < len(row) and n < 255 and row[at + n] == row[at]:
            n += 1
        if n > 1 or not absolute or len(row) - at < 3:
            out += bytes([n, row[at] * 17 if four else row[at]])
            at += n
            continue
        n = min(255, len(row) - at, 3 + absolute)
        part = row[at:at + n]
        if four:
            literal = bytes((a << 4 | b) for a, b in itertools.zip_longest(part[::2], part[1::2], fillvalue=0))
        else:
            literal = bytes(part)
        out += bytes([0, n]) + literal + bytes(len(literal) % 2)
        at += n
    return out


def wild(rng, size, four):
    """Any runs, literals, jumps and ends: enough of them for the picture, mostly."""
    out, pixels = b"", 0
    while pixels < size[0] * size[1] + 9:
        op = rng.randrange(8)
        if op < 3:
            n = rng.randrange(1, 12)
            out += bytes([n, rng.randrange(256)])
            pixels += n // 2
        elif op < 5:
            n = rng.randrange(3, 12)
            size_of = (n + 1) // 2 if four else n
            out += bytes([0, n]) + rng.randbytes(size_of + size_of % 2)
            pixels += n
        elif op < 7:
            out += b"\0\0"
        else:
            right, up = rng.randrange(9), rng.choice((0, 0, 1, 2))
            out += bytes([0, 2, right, up])
            pixels += right + up * size[0]
    return out + b"\0\1"


def run_lengths():
    for four, (name, size), header, absolute, down in itertools.product((False, True), {**SIZES, "wide": (300, 4)}.items(), (40, 64, 124), (0, 1, 2, 9, 252), (False, True)):
        if down and header != 40 or name != "wide" and absolute == 252:
            continue
        bits = 4 if four else 8
        rng = random.Random(f"{name}{absolute}")
        rows = [[v % 16 for v in row] if four else row for row in rows8(size, rng)]
        ends = b"\0\0" if absolute % 2 else b""
        data = (b"\0\0").join(packed(row, four, absolute) for row in rows) + ends + b"\0\1"
        for kind in ("random", "ramp"):
            if kind == "ramp" and (name != "odd" or header != 40):
                continue
            yield f"{bits}-{name}-header{header}-{kind}-literals{absolute}{'-down' if down else ''}", bmp(
                bits, header, compression=2 if four else 1, palette=colours(kind, 1 << bits), size=size, down=down, data=data)
    for seed, four in itertools.product(range(150), (False, True)):
        rng = random.Random(f"wild{seed}{four}")
        size = rng.choice(((7, 5), (5, 9), (16, 3), (1, 4), (40, 4)))
        data = wild(rng, size, four)
        bits = rng.choice((4, 8)) if seed % 5 == 0 else 4 if four else 8
        yield f"{bits}-wild{seed}{'-four' if four else ''}", bmp(bits, compression=2 if four else 1, palette=colours("random", 1 << bits), size=size, data=data, gap=seed % 3, down=seed % 7 == 0)
    for four in (False, True):
        kind = {"compression": 2 if four else 1, "palette": colours("random", 16)}
        bits = 4 if four else 8
        for name, data in {"jump": b"\0\2\3\2\x09\x77" + b"\0\2\xff\xff", "jump-to-end": b"\0\2\xff\xff", "beyond-row": b"\x20\x35\0\0" * 5, "beyond-row-literal": b"\0\x09" + bytes(10) + b"\x05\x11\0\0" * 5 + b"\0\2\0\xff",
            "no-ends": b"\x07\x35" * 5 + b"\x30\x44", "no-end-of-bitmap": b"\x07\x35\0\0" * 5, "short-lines": b"\3\x35\0\0" * 5, "nothing-in-a-line": b"\3\x35\0\0\0\0" * 5, "surplus": b"\x07\x35\0\0" * 9 + b"\0\1"}.items():
            for down in (False, True):
                yield f"{bits}-{name}{'-down' if down else ''}", bmp(bits, data=data, used=16, down=down, **kind)


def refusals():
    for bits in (0, 2, 3, 5, 15, 48, 64):
        yield f"bits{bits}", bmp(bits)
    for compression, bits in itertools.product((4, 5, 6, 11, 12, 13), (8, 24, 32)):
        yield f"compression{compression}-{bits}", bmp(bits, compression=compression, palette=colours("random", 1 << bits) if bits <= 8 else b"")
    for bits, compression in itertools.product((16, 24, 32), (1, 2)):
        yield f"run-lengths{compression}-{bits}", bmp(bits, compression=compression)
    for header in (16, 20, 36, 44, 60, 120, 128):
        yield f"header{header}", bmp(24, max(header, 40)).replace(struct.pack("<I", max(header, 40)), struct.pack("<I", header), 1) + bytes(99)
    for name, masks in LAYOUTS.items():
        for bits in (16, 24, 32):
            yield f"fields{bits}-{name}", bmp(bits, compression=3, masks=struct.pack("<III", *masks[:3]))
    for used in (257, 300, 65537, 1 << 31):
        yield f"used{used}", bmp(8, used=used, palette=colours("random", min(used, 400)), tail=bytes(1200))


def pictures():
    for name, data in itertools.chain(plain(), (("fields-" + n, d) for n, d in fields()), (("rle-" + n, d) for n, d in run_lengths())):
        yield f"bmps/{name}.bmp", data
    for bits, header, down in itertools.product((1, 4, 8, 16, 24, 32), (12, 40, 52, 56, 64, 108, 124), (False, True)):
        if down and header == 12:
            continue
        palette = colours("random", 1 << bits, 3 if header == 12 else 4) if bits <= 8 else b""
        yield f"dibs/{bits}-header{header}{'-down' if down else ''}.dib", b"".join(bitmap(bits, header, palette=palette, down=down))
    for name, (bits, masks) in {"565": (16, (0xF800, 0x7E0, 0x1F)), "bgr0": (32, (0xFF0000, 0xFF00, 0xFF))}.items():
        yield f"dibs/fields-{name}.dib", b"".join(bitmap(bits, compression=3, masks=struct.pack("<III", *masks)))
    for four in (False, True):
        data = b"\x03\x35\0\3\x12\x34" + (b"" if four else b"\x56\0") + b"\0\0" + b"\x07\x21\0\0" * 4 + b"\0\1"
        yield f"dibs/rle{4 if four else 8}.dib", b"".join(bitmap(4 if four else 8, compression=2 if four else 1, palette=colours("random", 16), used=16, data=data))
    for name, data in refusals():
        yield f"refused/bmps-{name}.bmp", data
