"""TGAs of every kind and depth, with every map, corner, packet and field that need not be there."""
import itertools
import random
import struct

MAPPED, COLOURS, GREYS = 1, 2, 3
KINDS = ((MAPPED, 8), (COLOURS, 16), (COLOURS, 24), (COLOURS, 32), (GREYS, 1), (GREYS, 8), (GREYS, 16))


def packets(rows, size, wide):
    """Run lengths: of each row or, where wide, of literals that go on in the next one."""
    out, rng = b"", random.Random(len(rows))
    parts = [b"".join(rows)] if wide else rows
    for part in parts:
        pixels = [part[i:i + size] for i in range(0, len(part), size)]
        while pixels:
            run = 1
            while run < min(128, len(pixels)) and pixels[run] == pixels[0]:
                run += 1
            if run > 1 and not wide:
                out += bytes([0x80 | run - 1]) + pixels[0]
            else:
                run = min(len(pixels), 128, rng.choice((1, 2, 3, 128)))
                out += bytes([run - 1]) + b"".join(pixels[:run])
            pixels = pixels[run:]
    return out


def tga(kind, depth, flags=0, runs=False, size=(7, 5), map_depth=0, first=0, length=0, name=b"", more=b"", origin=(0, 0), wide=False, top=256, alpha=None, empty_depth=0):
    rng = random.Random(f"{kind}{depth}{size}")
    width, height = size
    step = max(1, depth // 8)
    across = (width + 7) // 8 if depth == 1 else width
    rows = []
    for _ in range(height):
        row, pixel = b"", b""
        for _ in range(across):
            if not pixel or rng.random() < .5:
                pixel = bytes(rng.randrange(top) if depth == 8 else rng.randrange(256) for _ in range(step))
            row += pixel
        rows.append(row)
    data = packets(rows, step, wide) if runs else b"".join(rows)
    colours = random.Random("map").randbytes(length * map_depth // 8)
    if alpha is None:
        alpha = {32: 8, 16: 1 if kind == COLOURS else 8}.get(depth, 0)
    return struct.pack("<BBBHHBHHHHBB", len(name), map_depth > 0, kind | (8 if runs else 0), first, length, map_depth or empty_depth, *origin, width, height, depth, flags | alpha) + name + colours + data + more


FOOTER = struct.pack("<II", 0, 0) + b"TRUEVISION-XFILE.\0"


def pictures():
    for (kind, depth), flags, runs in itertools.product(KINDS, (0, 0x10, 0x20, 0x30), (False, True)):
        corner = {0: "bottom", 0x10: "bottom-right", 0x20: "top", 0x30: "top-right"}[flags]
        if runs and depth == 1:
            continue
        label = f"tga/{kind}-{depth}-{corner}{'-runs' if runs else ''}"
        maps = ((16, 0, 256), (24, 0, 256), (32, 0, 256), (24, 3, 200), (16, 5, 9), (32, 250, 6)) if kind == MAPPED else ((0, 0, 0),)
        for map_depth, first, length in maps:
            yield f"{label}{f'-map{map_depth}-{first}-{length}' if map_depth else ''}.tga", tga(kind, depth, flags, runs, map_depth=map_depth, first=first, length=length)
        if runs:
            map_depth, _, length = maps[0]
            yield f"{label}-wide.tga", tga(kind, depth, flags, True, map_depth=map_depth, length=length, wide=True)
        for size in ((1, 1), (1, 6), (8, 2), (300, 3)):
            map_depth, _, length = maps[1 if kind == MAPPED else 0]
            yield f"{label}-{size[0]}x{size[1]}.tga", tga(kind, depth, flags, runs, size, map_depth=map_depth, length=length)
    for (kind, depth), runs in itertools.product(KINDS, (False, True)):
        if runs and depth == 1:
            continue
        length = 256 if kind == MAPPED else 0
        map_depth = 24 if kind == MAPPED else 0
        label = f"tga/{kind}-{depth}{'-runs' if runs else ''}"
        yield f"{label}-name.tga", tga(kind, depth, runs=runs, map_depth=map_depth, length=length, name=b"a name")
        yield f"{label}-long-name.tga", tga(kind, depth, runs=runs, map_depth=map_depth, length=length, name=bytes(255))
        yield f"{label}-footer.tga", tga(kind, depth, runs=runs, map_depth=map_depth, length=length, more=FOOTER)
        yield f"{label}-origin.tga", tga(kind, depth, runs=runs, map_depth=map_depth, length=length, origin=(3, 9))
        yield f"{label}-more.tga", tga(kind, depth, runs=runs, map_depth=map_depth, length=length, more=b"more")
        yield f"{label}-alpha0.tga", tga(kind, depth, runs=runs, map_depth=map_depth, length=length, alpha=0)
        if kind != MAPPED:
            for empty in (15, 16, 24, 32):
                yield f"{label}-depth{empty}-of-no-map.tga", tga(kind, depth, runs=runs, empty_depth=empty)
        if kind == GREYS and depth > 1:
            for map_depth in (16, 24, 32):
                yield f"{label}-map{map_depth}.tga", tga(kind, depth, runs=runs, map_depth=map_depth, length=200, top=256)
