"""PNGs of every colour type and depth, with every chunk that could change colours."""
import itertools
import random
import struct
import zlib

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def rows(pixels, depth):
    out = b""
    for row in pixels:
        if row:
            bits = "".join(f"{s:0{depth}b}" for pixel in row for s in pixel)
            bits += "0" * (-len(bits) % 8)
            out += b"\0" + bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
    return out


def png(colour, depth, chunks=b"", interlaced=False, size=(11, 9), colours=None, seed=1, pixels=None):
    rng = random.Random(f"{colour}{depth}{seed}")
    width, height = size
    top = (colours or 1 << depth) if colour == 3 else 1 << depth
    if pixels is None:
        pixels = [[tuple(rng.randrange(top) for _ in range(SAMPLES[colour])) for _ in range(width)] for _ in range(height)]
    data = (b"".join(rows([row[x::dx] for row in pixels[y::dy]], depth) for x, y, dx, dy in ADAM7) if interlaced else rows(pixels, depth))
    if colour == 3:
        chunks = chunk(b"PLTE", random.Random("palette").randbytes(3 * (colours or 1 << depth))) + chunks
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
            + chunks + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def transparencies(colour, depth):
    yield "none", b""
    if colour == 0:
        for v in (0, (1 << depth) - 1):
            yield f"trns{v}", chunk(b"tRNS", struct.pack(">H", v))
    elif colour == 2:
        for v in (0, (1 << depth) - 1):
            yield f"trns{v}", chunk(b"tRNS", struct.pack(">HHH", v, v, v))
    elif colour == 3:
        for name, alphas in (("one", b"\0"), ("half", b"\x80\x40"), ("all", bytes(i * 255 // (1 << depth) for i in range(1 << depth)))):
            yield f"trns-{name}", chunk(b"tRNS", alphas)


PROFILE = b"x\0\0" + zlib.compress(bytes(128))
# Chunks that say how colours are meant, which Pillow's convert does not apply.
MEANINGS = {
    "gama1": chunk(b"gAMA", struct.pack(">I", 100000)), "gama22": chunk(b"gAMA", struct.pack(">I", 45455)), "srgb": chunk(b"sRGB", b"\0"),
    "chrm": chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)), "iccp": chunk(b"iCCP", PROFILE),
    "cicp": chunk(b"cICP", bytes([9, 16, 0, 1])), "phys": chunk(b"pHYs", struct.pack(">IIB", 1, 3, 0)),
}


def pictures():
    for colour, depths in DEPTHS.items():
        for depth in depths:
            for (name, data), interlaced in itertools.product(transparencies(colour, depth), (False, True)):
                yield f"png/{colour}-{depth}-{name}{'-interlaced' if interlaced else ''}.png", png(colour, depth, data, interlaced)
            for name, data in MEANINGS.items():
                if colour == 3:  # they come before the palette
                    whole = png(colour, depth)
                    yield f"png/{colour}-{depth}-{name}.png", whole[:33] + data + whole[33:]
                else:
                    yield f"png/{colour}-{depth}-{name}.png", png(colour, depth, data)
            significant = bytes([max(1, depth // 2) if colour != 3 else 5] * (3 if colour == 3 else SAMPLES[colour]))
            background = {0: b"\0\1", 4: b"\0\1", 2: b"\0\1" * 3, 6: b"\0\1" * 3, 3: b"\1"}[colour]
            whole = png(colour, depth)
            yield f"png/{colour}-{depth}-sbit.png", whole[:33] + chunk(b"sBIT", significant) + whole[33:]
            yield f"png/{colour}-{depth}-bkgd.png", png(colour, depth, chunk(b"bKGD", background))
            for width, interlaced in itertools.product((1, 2, 3, 5), (False, True)):
                yield f"png/{colour}-{depth}-{width}wide{'-interlaced' if interlaced else ''}.png", png(colour, depth, b"", interlaced, (width, 3))
    for depth in DEPTHS[3]:
        for colours in {1, (1 << depth) - 1}:
            yield f"png/3-{depth}-{colours}colours.png", png(3, depth, b"", colours=colours)
            row = [(i % (1 << depth),) for i in range(11)]
            yield f"png/3-{depth}-{colours}colours-beyond.png", png(3, depth, b"", colours=colours, pixels=[row] * 9)
