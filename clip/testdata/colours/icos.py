"""Icons and cursors in every form: depths, palettes, masks, directions, PNGs, and several pictures in every order."""
import itertools
import random
import struct

import bmps
import pngs


def picture(bits, size=(7, 5), header=40, compression=0, masks=b"", kind="random", used=0, mask=None, down=False, data=None, seed=0):
    """A bitmap of twice its height, and its mask."""
    width, height = size
    palette = bmps.colours(kind, used or 1 << bits, 3 if header == 12 else 4) if bits <= 8 else b""
    if data is None:
        data = random.Random(f"{bits}{size}{seed}").randbytes((width * bits + 31) // 32 * 4 * height)
    if mask is None:
        mask = random.Random(f"mask{size}{seed}").randbytes((width + 31) // 32 * 4 * height)
    head, _ = bmps.bitmap(bits, header, compression, masks, palette, used, (width, 2 * height), down, data)
    return head + data + mask


def directory(kind, entries, gap=0):
    """An icon (kind 1) or cursor (2) of (width, height, colours, bits, data)."""
    out, start = struct.pack("<HHH", 0, kind, len(entries)), 6 + 16 * len(entries) + gap
    for width, height, count, bits, data in entries:
        out += struct.pack("<BBBBHHII", width & 255, height & 255, count, 0, 1, bits, len(data), start)
        start += len(data)
    return out + bytes(gap) + b"".join(e[-1] for e in entries)


def png(size, colour=6, depth=8, **options):
    return pngs.png(colour, depth, size=size, **options)


SIZES = ((1, 1), (7, 5), (16, 16), (31, 3), (33, 2), (48, 48))


def icons():
    for bits, size, declared in itertools.product((1, 4, 8, 16, 24, 32), SIZES, (0, 1, 24, 32, None)):
        if declared not in (None, 32) and size != (7, 5):
            continue
        data = picture(bits, size)
        if declared == 32:
            data += bytes(4 * size[0] * size[1])
        yield f"{bits}-{size[0]}x{size[1]}-{'itself' if declared is None else f'declared{declared}'}", directory(1, [(*size, 0, bits if declared is None else declared, data)])
    for bits, kind, used in itertools.product((1, 4, 8), ("random", "ramp", "black-white", "white-black", "reversed"), (0, 1, 2, 16, 200)):
        if kind in ("ramp", "black-white") and (bits > 1 and 0 < used <= 2 or bits == 4 or bits == 1 and used > 2):
            continue
        yield f"{bits}-{kind}-used{used}", directory(1, [(7, 5, 0, bits, picture(bits, kind=kind, used=used))])
    for bits, down, header, gap in itertools.product((1, 8, 16, 24, 32), (False, True), (12, 40, 56, 124), (0, 3)):
        if down and header == 12:
            continue
        yield f"{bits}-header{header}-gap{gap}{'-down' if down else ''}", directory(1, [(7, 5, 0, bits, picture(bits, header=header, down=down))], gap)
    for name, masks in bmps.LAYOUTS.items():
        for bits in (16, 32):
            yield f"fields{bits}-{name}", directory(1, [(7, 5, 0, bits, picture(bits, header=108, compression=3, masks=struct.pack("<IIII", *masks)))])
    # The mask may be absent from pictures of 32 bits only; elsewhere it is looked for at the end.
    for bits, declared, mask in itertools.product((1, 8, 24, 32), (None, 0, 32), (b"", bytes(4), bytes(18), bytes(200))):
        yield f"{bits}-mask{len(mask)}-{'itself' if declared is None else f'declared{declared}'}", directory(1, [(7, 5, 0, bits if declared is None else declared, picture(bits, mask=mask))])
    for four, gap in itertools.product((False, True), (0, 1)):
        data = b"\x03\x35\0\3\x12\x34" + (b"" if four else b"\x56\0") + b"\0\0" + b"\x07\x21\0\0" * 4 + b"\0\1"
        bits = 4 if four else 8
        yield f"rle{bits}-gap{gap}", directory(1, [(7, 5, 0, bits, picture(bits, compression=2 if four else 1, data=data))], gap)
    for odd in (9, 1):  # the bitmap's height
        head, data = bmps.bitmap(24, size=(7, odd))
        yield f"height{odd}", directory(1, [(7, 5, 0, 24, head + data + bytes(40))])
    for colour, depth, size in itertools.product((0, 2, 3, 4, 6), (8,), ((7, 5), (1, 1), (40, 30))):
        yield f"png-{colour}-{size[0]}x{size[1]}", directory(1, [(*size, 0, 32, png(size, colour, depth))])
    yield "png-of-another-size", directory(1, [(16, 16, 0, 32, png((7, 5)))])
    yield "bitmap-of-another-size", directory(1, [(16, 16, 0, 24, picture(24))])
    yield "png-and-more", directory(1, [(7, 5, 0, 32, png((7, 5)) + b"more")])
    # The largest, of these the one of fewest colours, of these the first.
    choices = {"small": (5, 4, 0, 32, picture(32, (5, 4))), "large24": (7, 5, 0, 24, picture(24)), "large8": (7, 5, 0, 8, picture(8)), "colours16": (7, 5, 16, 0, picture(4)), "colours1": (7, 5, 1, 0, picture(24, seed=2)),
        "unknown": (7, 5, 0, 0, picture(24, seed=1)), "png": (7, 5, 0, 32, png((7, 5))), "tall": (5, 7, 0, 24, picture(24, (5, 7), seed=3)), "256": (256, 1, 0, 8, picture(8, (256, 1)))}
    for names in itertools.permutations(choices, 2):
        yield "-".join(names), directory(1, [choices[n] for n in names])
    for seed in range(30):
        names = random.Random(seed).sample(list(choices), 5)
        yield f"many{seed}", directory(1, [choices[n] for n in names])


def cursors():
    for bits, size, header, down in itertools.product((1, 4, 8, 16, 24, 32), SIZES, (12, 40, 124), (False, True)):
        if down and header == 12 or size != (7, 5) and (down or header != 40):
            continue
        yield f"{bits}-{size[0]}x{size[1]}-header{header}{'-down' if down else ''}", directory(2, [(*size, 0, 0, picture(bits, size, header, down=down))])
    for bits, kind, size, down in itertools.product((1, 8), ("ramp", "black-white", "white-black", "reversed"), ((7, 5), (32, 32), (33, 3)), (False, True)):
        if bits == 1 and kind == "ramp":
            continue
        mask = None if bits == 1 else random.Random(1).randbytes((size[0] + 3) // 4 * 4 * size[1])
        yield f"{bits}-{kind}-{size[0]}x{size[1]}{'-down' if down else ''}", directory(2, [(*size, 0, 0, picture(bits, size, kind=kind, mask=mask, down=down))])
    for name, masks in bmps.LAYOUTS.items():
        for bits in (16, 32):
            yield f"fields{bits}-{name}", directory(2, [(7, 5, 0, 0, picture(bits, header=108, compression=3, masks=struct.pack("<IIII", *masks)))])
    choices = {"small": (5, 4, 0, 0, picture(24, (5, 4))), "wide": (9, 4, 0, 0, picture(24, (9, 4))), "tall": (4, 9, 0, 0, picture(24, (4, 9))), "large": (7, 6, 0, 0, picture(8, (7, 6))), "zero": (0, 0, 0, 0, picture(24, (6, 6)))}
    for n in (2, 3):
        for names in itertools.permutations(choices, n):
            yield "-".join(names), directory(2, [choices[n] for n in names])
    yield "no-mask", directory(2, [(7, 5, 0, 0, picture(24, mask=b""))])
    yield "gap", directory(2, [(7, 5, 0, 0, picture(32))], 5)


def pictures():
    for name, data in icons():
        yield f"icos/{name}.ico", data
    for name, data in cursors():
        yield f"curs/{name}.cur", data
