"""TIFFs of every photometric interpretation, depth, alpha, layout, compression and order of bytes and bits."""
import io
import itertools
import random
import struct
import zlib

from PIL import Image

WIDTH, HEIGHT = 9, 7
REVERSED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))


def lzw(data):
    """LZW of literals only, cleared before a code needs ten bits."""
    bits = ""
    for at in range(0, len(data), 200):
        bits += f"{256:09b}" + "".join(f"{b:09b}" for b in data[at:at + 200])
    bits += f"{257:09b}"
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def packbits(data):
    return b"".join(bytes([len(data[at:at + 100]) - 1]) + data[at:at + 100] for at in range(0, len(data), 100))


COMPRESSIONS = {"none": (1, bytes), "lzw": (5, lzw), "deflate": (8, zlib.compress), "old-deflate": (32946, zlib.compress), "packbits": (32773, packbits)}


def entry(order, tag, kind, values):
    code = {"H": 3, "I": 4, "B": 1}[kind]
    body = struct.pack(f"{order}{len(values)}{kind}", *values)
    return tag, code, len(values), body


def assemble(order, tags, strips, offsets_tag, counts_tag):
    tags = [entry(order, *t) for t in tags]
    tags += [entry(order, offsets_tag, "I", [0] * len(strips)), entry(order, counts_tag, "I", [len(s) for s in strips])]
    tags.sort()
    at = 8 + 2 + 12 * len(tags) + 4
    places = {}
    for tag, _, _, body in tags:
        if len(body) > 4:
            places[tag] = at
            at += len(body) + len(body) % 2
    starts = []
    for s in strips:
        starts.append(at)
        at += len(s)
    directory, rest = struct.pack(order + "H", len(tags)), b""
    for tag, code, count, body in tags:
        if tag == offsets_tag:
            body = struct.pack(f"{order}{len(starts)}I", *starts)
        directory += struct.pack(order + "HHI", tag, code, count)
        if tag in places:
            directory += struct.pack(order + "I", places[tag])
            rest += body + bytes(len(body) % 2)
        else:
            directory += body.ljust(4, b"\0")
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + directory + bytes(4) + rest + b"".join(strips)


def lines(pixels, depth, order):
    """Rows of samples as bytes."""
    out = []
    for row in pixels:
        samples = [s for pixel in row for s in pixel]
        if depth >= 8:
            out.append(struct.pack(f"{order}{len(samples)}{'BHxI'[depth // 8 - 1]}", *samples))
        else:
            bits = "".join(f"{s:0{depth}b}" for s in samples)
            bits += "0" * (-len(bits) % 8)
            out.append(bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)))
    return out


def predicted(pixels, depth):
    return [[row[0]] + [tuple((a - b) % (1 << depth) for a, b in zip(now, before)) for before, now in zip(row, row[1:])] for row in pixels]


def tiff(order="<", photometric=1, depth=8, samples=1, extra=(), compression="none", planar=1, predictor=1, fill=1, rows=3, tile=0, orientation=0, pixels=None, more=()):
    rng = random.Random(f"{photometric}{depth}{samples}{extra}")
    if pixels is None:
        pixels = [[tuple(rng.randrange(1 << depth) for _ in range(samples)) for _ in range(WIDTH)] for _ in range(HEIGHT)]
        if extra and extra[0] in (1, 2):  # alpha of all kinds, and colours below and above it
            steps = [0, 0, 1, 2, 100, 127, 128, 200, 254, 255, 255]
            scale = 257 if depth == 16 else 1
            first = samples - len(extra)
            pixels = [[p[:first] + (scale * rng.choice(steps) + (rng.randrange(3) if depth == 16 and p[0] % 2 else 0),) + p[first + 1:] for p in row] for row in pixels]
            pixels = [[tuple(min(s, (1 << depth) - 1) for s in p) for p in row] for row in pixels]
    width, height = len(pixels[0]), len(pixels)
    number, compress = COMPRESSIONS[compression]
    tags = [(256, "I", [width]), (257, "I", [height]), (258, "H", [depth] * samples), (259, "H", [number]), (262, "H", [photometric]), (277, "H", [samples])]
    tags += more
    if extra:
        tags.append((338, "H", list(extra)))
    if planar != 1:
        tags.append((284, "H", [planar]))
    if predictor != 1:
        tags.append((317, "H", [predictor]))
    if fill != 1:
        tags.append((266, "H", [fill]))
    if photometric == 6:
        tags.append((530, "H", [1, 1]))
    if orientation:
        tags.append((274, "H", [orientation]))
    if photometric == 3:
        tags.append((320, "H", [rng.randrange(1 << 16) for _ in range(3 << depth)]))
    planes = [pixels] if planar == 1 else [[[(p[i],) for p in row] for row in pixels] for i in range(samples)]
    strips = []
    for plane in planes:
        if tile:
            blank = (0,) * len(plane[0][0])
            for y, x in itertools.product(range(0, height, tile), range(0, width, tile)):
                block = [(row[x:x + tile] + [blank] * tile)[:tile] for row in (plane[y:y + tile] + [[blank] * width] * tile)[:tile]]
                strips.append(block)
        else:
            strips += [plane[y:y + rows] for y in range(0, height, rows)]
    if predictor == 2:
        strips = [predicted(s, depth) for s in strips]
    strips = [compress(b"".join(lines(s, depth, order))) for s in strips]
    if fill == 2:
        strips = [s.translate(REVERSED) for s in strips]
    if tile:
        return assemble(order, tags + [(322, "I", [tile]), (323, "I", [tile])], strips, 324, 325)
    return assemble(order, tags + [(278, "I", [rows])], strips, 273, 279)


def fax(compression, photometric, fill, options, rows=None):
    """A bilevel picture that libtiff compressed, whose other tags are changed."""
    rng = random.Random(1)
    picture = Image.new("1", (37, 21))
    picture.putdata([rng.random() < .3 for _ in range(37 * 21)])
    info = {262: photometric}
    if options is not None:
        info[292 if compression == "group3" else 293] = options
    if rows:
        info[278] = rows
    out = io.BytesIO()
    picture.save(out, "TIFF", compression=compression, tiffinfo=info)
    if fill == 1:
        return out.getvalue()
    data = bytearray(out.getvalue())
    tags = Image.open(io.BytesIO(data)).tag_v2
    for at, size in zip(tags[273], tags[279]):
        data[at:at + size] = bytes(data[at:at + size]).translate(REVERSED)
    at = struct.unpack("<I", data[4:8])[0]
    entries = [data[at + 2 + 12 * i:at + 14 + 12 * i] for i in range(struct.unpack("<H", data[at:at + 2])[0])]
    entries = [e for e in entries if e[:2] != b"\x0a\x01"] + [struct.pack("<HHIHH", 266, 3, 1, 2, 0)]
    entries.sort(key=lambda e: struct.unpack("<H", e[:2]))
    data[4:8] = struct.pack("<I", len(data))  # a directory of its own at the end
    return bytes(data) + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


KINDS = [  # photometric interpretation, samples of colour, depths
    (0, 1, (1, 2, 4, 8, 16)), (1, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (5, 4, (8, 16)), (6, 3, (8,)), (8, 3, (8,)),
]
EXTRAS = {"": (), "-unspecified": (0,), "-associated": (1,), "-unassociated": (2,), "-associated-and-more": (1, 0), "-unspecified-two": (0, 0), "-corel": (999,)}


def pictures():
    for (photometric, colours, depths), (name, extra), order in itertools.product(KINDS, EXTRAS.items(), "<>"):
        for depth in depths:
            if extra and depth < 8:
                continue
            samples = colours + len(extra)
            common = {"order": order, "photometric": photometric, "depth": depth, "samples": samples, "extra": extra}
            prefix = f"tiff/{'II' if order == '<' else 'MM'}-{photometric}-{depth}{name}"
            for compression in COMPRESSIONS:
                yield f"{prefix}-{compression}.tif", tiff(compression=compression, **common)
                if depth >= 8 and photometric != 3 and compression not in ("none", "packbits"):
                    yield f"{prefix}-{compression}-predicted.tif", tiff(compression=compression, predictor=2, **common)
            yield f"{prefix}-one-strip.tif", tiff(rows=HEIGHT, **common)
            yield f"{prefix}-tiles.tif", tiff(tile=16, compression="deflate", **common)
            yield f"{prefix}-reversed.tif", tiff(fill=2, **common)
            yield f"{prefix}-reversed-deflate.tif", tiff(fill=2, compression="deflate", **common)
            if samples > 1:
                # Of CIELab in planes Pillow takes signed samples for unsigned ones.
                yield f"{prefix}-planes.tif", tiff(planar=2, **common), *([tiff(**common)] if photometric == 8 else [])
            elif order == "<" and photometric != 0:  # of which Pillow forgets to invert the only plane
                yield f"{prefix}-planes-of-one.tif", tiff(planar=2, **common)
    # A fourth sample that nothing declares.
    for order, depth in itertools.product("<>", (8, 16)):
        yield f"tiff/{'II' if order == '<' else 'MM'}-2-{depth}-undeclared.tif", tiff(order, 2, depth, 4)
    # Every sample with every alpha.
    for order, depth in itertools.product("<>", (8, 16)):
        scale = 257 if depth == 16 else 1
        every = [[(scale * x, scale * (255 - x), scale * x, scale * y) for x in range(256)] for y in range(256)]
        yield f"tiff/{'II' if order == '<' else 'MM'}-2-{depth}-associated-every.tif", tiff(order, 2, depth, 4, (1,), "deflate", predictor=2, rows=256, pixels=every)
    for o in range(1, 9):
        yield f"tiff/associated-orientation{o}.tif", tiff("<", 2, 8, 4, (1,), orientation=o)
    for compression, photometric, fill, rows in itertools.product(("group3", "group4"), (0, 1), (1, 2), (None, 8)):
        for options in ((None, 0, 1, 4, 5) if compression == "group3" else (None,)):
            yield f"fax/{compression}-{photometric}-{fill}-{options}-{rows or 'one'}.tif", fax(compression, photometric, fill, options, rows)
