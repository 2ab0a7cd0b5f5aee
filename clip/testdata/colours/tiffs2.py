"""TIFFs as scanners, printers, cameras and libraries write them: JPEG-compressed, in BigTIFF, with unsorted tags, of 12 bits,
signed and floating point, CIELab, with shared chroma, in strips and tiles of many sizes, faxes in every variant."""
import io
import itertools
import random
import struct
import zlib

import numpy as np
from PIL import Image

import tiffs

WIDTH, HEIGHT = 37, 29
KINDS = {1: "B", 3: "H", 4: "I", 5: "II", 7: "B", 11: "f", 16: "Q"}


def smooth(channels, width=WIDTH, height=HEIGHT):
    """A picture of soft shapes and some noise, as JPEG has to do with."""
    rng = np.random.default_rng(channels)
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 90 * np.sin(x / (3 + c) + c) * np.cos(y / (5 - c % 3)) + rng.normal(0, 9, x.shape) for c in range(channels)]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def container(tags, blocks, order="<", big=False, shuffled=0, tiled=False, long_offsets=True):
    """A file of tags {number: (type, values)} and strips or tiles."""
    offsets, counts = (324, 325) if tiled else (273, 279)
    kind = 16 if big and long_offsets else 4
    tags = {**tags, offsets: (kind, [0] * len(blocks)), counts: (4, [len(b) for b in blocks])}
    numbers = sorted(tags)
    if shuffled:
        random.Random(shuffled).shuffle(numbers)
    pack = lambda t, v: struct.pack(f"{order}{len(v) // len(KINDS[t]) if t == 5 else len(v)}{KINDS[t]}" if t != 5 else f"{order}{len(v)}I", *v)
    inline, entry, head = (8, 20, 16) if big else (4, 12, 8)
    at = head + (8 if big else 2) + entry * len(tags) + (8 if big else 4)
    places = {}
    for n in numbers:
        size = len(pack(*tags[n]))
        if size > inline:
            places[n] = at
            at += size + size % 2
    starts = []
    for b in blocks:
        starts.append(at)
        at += len(b) + len(b) % 2
    tags[offsets] = (kind, starts)
    word = "Q" if big else "I"
    directory, rest = struct.pack(order + ("Q" if big else "H"), len(tags)), b""
    for n in numbers:
        t, values = tags[n]
        body = pack(t, values)
        directory += struct.pack(order + "HH" + word, n, t, len(values) // 2 if t == 5 else len(values))
        if n in places:
            directory += struct.pack(order + word, places[n])
            rest += body + bytes(len(body) % 2)
        else:
            directory += body.ljust(inline, b"\0")
    mark = b"II" if order == "<" else b"MM"
    first = mark + (struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8))
    return first + directory + bytes(8 if big else 4) + rest + b"".join(b + bytes(len(b) % 2) for b in blocks)


def cut(array, rows=None, tile=None, planar=False):
    """The blocks of an array [y, x, channel]."""
    planes = [array[..., c:c + 1] for c in range(array.shape[2])] if planar else [array]
    for plane in planes:
        if tile:
            w, h = tile
            padded = np.pad(plane, ((0, -plane.shape[0] % h), (0, -plane.shape[1] % w), (0, 0)), mode="edge")
            for y, x in itertools.product(range(0, padded.shape[0], h), range(0, padded.shape[1], w)):
                yield padded[y:y + h, x:x + w]
        else:
            for y in range(0, plane.shape[0], rows):
                yield plane[y:y + rows]


def describe(array, photometric, compression, bits=8, rows=None, tile=None, planar=False, **more):
    height, width, samples = array.shape
    tags = {256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * samples), 259: (3, [compression]), 262: (3, [photometric]), 277: (3, [samples])}
    if tile:
        tags |= {322: (3, [tile[0]]), 323: (3, [tile[1]])}
    else:
        tags[278] = (3, [rows])
    if planar:
        tags[284] = (3, [2])
    return tags | {int(n[1:]): v for n, v in more.items()}


def segments(data):
    """The marker segments of a JPEG up to its data, and the data."""
    at, found = 2, []
    while data[at + 1] != 0xDA:
        size = struct.unpack(">H", data[at + 2:at + 4])[0]
        found.append(data[at:at + 2 + size])
        at += 2 + size
    return found, data[at:]


def jpeg(block, subsampling, abbreviated, **options):
    """A block as JPEG, and its tables, if these lie apart. Pillow writes the samples as they are in the modes YCbCr and CMYK."""
    mode = {1: "L", 3: "YCbCr", 4: "CMYK"}[block.shape[2]]
    out = io.BytesIO()
    samples = 255 - block if mode == "CMYK" else block  # Pillow inverts inks
    Image.fromarray(samples[..., 0] if mode == "L" else samples, mode).save(out, "JPEG", quality=80, subsampling=subsampling, **options)
    found, data = segments(out.getvalue())
    found = [s for s in found if s[1] not in (0xE0, 0xEE)]
    tables = [s for s in found if s[1] in (0xC4, 0xDB)]
    if not abbreviated:
        return b"\xff\xd8" + b"".join(found) + data, b""
    found = [s for s in found if s not in tables]
    return b"\xff\xd8" + b"".join(found) + data, b"\xff\xd8" + b"".join(tables) + b"\xff\xd9"


def jpeg_tiff(photometric, channels, subsampling=0, abbreviated=True, options={}, **layout):
    array = smooth(channels)
    geometry = {k: layout.pop(k) for k in ("rows", "tile", "planar") if k in layout}
    files = [jpeg(b, subsampling, abbreviated, **options) for b in cut(array, **geometry)]
    tags = describe(array, photometric, 7, **geometry)
    if abbreviated:
        tags[347] = (7, list(files[0][1]))
    if photometric == 6:
        tags[530] = (3, {0: [1, 1], 1: [2, 1], 2: [2, 2]}[subsampling])
    return container(tags, [f[0] for f in files], tiled="tile" in geometry, **layout)


def jpegs():
    for abbreviated, (layout, geometry) in itertools.product((True, False), {
        "strips": {"rows": 16}, "one": {"rows": HEIGHT}, "short": {"rows": 8}, "tiles": {"tile": (16, 32)}, "tile": {"tile": (48, 32)}}.items()):
        name = f"jpeg/{layout}{'' if abbreviated else '-whole'}"
        yield f"{name}-grey.tif", jpeg_tiff(1, 1, abbreviated=abbreviated, **geometry)
        yield f"{name}-white.tif", jpeg_tiff(0, 1, abbreviated=abbreviated, **geometry)
        yield f"{name}-rgb.tif", jpeg_tiff(2, 3, abbreviated=abbreviated, **geometry)
        yield f"{name}-cmyk.tif", jpeg_tiff(5, 4, abbreviated=abbreviated, **geometry)
        for subsampling in (0, 1, 2):
            if layout == "short" and subsampling == 2:
                continue
            yield f"{name}-ycbcr{subsampling}.tif", jpeg_tiff(6, 3, subsampling, abbreviated, **geometry)
    for c, (photometric, channels) in {"rgb": (2, 3), "cmyk": (5, 4)}.items():
        yield f"jpeg/planes-{c}.tif", jpeg_tiff(photometric, channels, rows=16, planar=True)
        yield f"jpeg/planes-tiles-{c}.tif", jpeg_tiff(photometric, channels, tile=(16, 16), planar=True)
    yield "jpeg/progressive.tif", jpeg_tiff(6, 3, 2, False, {"progressive": True}, rows=16)
    yield "jpeg/restarts.tif", jpeg_tiff(6, 3, 2, True, {"restart_marker_blocks": 2}, rows=16)
    yield "jpeg/big.tif", jpeg_tiff(6, 3, 2, rows=16, big=True)
    yield "jpeg/MM.tif", jpeg_tiff(6, 3, 2, rows=16, order=">", shuffled=1)
    rgb = Image.fromarray(smooth(3))
    for mode, compression in itertools.product(("RGB", "L", "CMYK", "YCbCr"), ("jpeg", "zstd", "tiff_lzw", "tiff_deflate")):
        out = io.BytesIO()
        rgb.convert(mode).save(out, "TIFF", compression=compression)
        yield f"saved/{compression}-{mode}.tif", out.getvalue()



def lzw(data, old=False):
    """LZW with strings, and with a full table that is cleared; of the old kind with the lowest bits first."""
    out, acc, n = bytearray(), 0, 0

    def put(code, width):
        nonlocal acc, n
        if old:
            acc |= code << n
        else:
            acc = acc << width | code
        n += width
        while n >= 8:
            if old:
                out.append(acc & 255)
                acc >>= 8
            else:
                out.append(acc >> n - 8 & 255)
            n -= 8

    table, width, text = {bytes([i]): i for i in range(256)}, 9, b""
    put(256, 9)
    size, early = 258, 0 if old else 1
    for b in data:
        longer = text + bytes([b])
        if longer in table:
            text = longer
            continue
        put(table[text], width)
        table[longer] = size
        size += 1
        if size + early > 1 << width:
            width += 1
        text = bytes([b])
        if size == 4093:
            put(table[text], width)
            text = b""
            put(256, width)
            table, width, size = {bytes([i]): i for i in range(256)}, 9, 258
    if text:
        put(table[text], width)
        size += 1
        if size + early > 1 << width and width < 12:
            width += 1
    put(257, width)
    if n:
        out.append(acc & 255 if old else acc << 8 - n & 255)
    return bytes(out)


COMPRESSORS = {1: bytes, 5: lzw, 8: zlib.compress, 32773: tiffs.packbits}


def stored(array, order="<"):
    return array.astype(array.dtype.newbyteorder(order)).tobytes()


def plain(array, photometric=1, compression=1, order="<", big=False, shuffled=0, compress=None, predictor=1, long_offsets=True, drop=(), **layout):
    """A file of an array [y, x, channel] of any type."""
    geometry = {k: layout.pop(k) for k in ("rows", "tile", "planar") if k in layout}
    tags = describe(array, photometric, compression, 8 * array.dtype.itemsize, **geometry, **layout)
    if array.dtype.kind in "if":
        tags[339] = (3, [2 if array.dtype.kind == "i" else 3] * array.shape[2])
    if predictor > 1:
        tags[317] = (3, [predictor])
    blocks = []
    for b in cut(array, **geometry):
        if predictor == 2:
            whole = b.view(f"u{b.dtype.itemsize}")
            b = np.concatenate([whole[:, :1], whole[:, 1:] - whole[:, :-1]], 1)
        if predictor == 3:
            rows = []
            for row in b:
                size, step = row.dtype.itemsize, row.shape[1]
                split = np.frombuffer(row.astype(row.dtype.newbyteorder(">")).tobytes(), np.uint8).reshape(-1, size).T.ravel()
                rows.append(np.concatenate([split[:step], split[step:] - split[:-step]]).tobytes())
            blocks.append((compress or COMPRESSORS[compression])(b"".join(rows)))
            continue
        blocks.append((compress or COMPRESSORS[compression])(stored(b, order)))
    for n in drop:
        tags.pop(n, None)
    return container(tags, blocks, order, big, shuffled, "tile" in geometry, long_offsets)


def containers():
    rgb, grey = smooth(3) & 0xC0, smooth(1) & 0xC0  # of few colours, so that the archive is small
    for order, big, shuffled in itertools.product("<>", (False, True), (0, 1)):
        name = f"container/{'II' if order == '<' else 'MM'}{'-big' if big else ''}{'-unsorted' if shuffled else ''}"
        yield f"{name}.tif", plain(rgb, 2, 8, order, big, shuffled, rows=5)
        yield f"{name}-orientation6.tif", plain(rgb, 2, 1, order, big, shuffled, rows=5, _274=(3, [6]))
        yield f"{name}-palette.tif", plain(grey, 3, 5, order, big, shuffled, rows=7, _320=(3, [int(v) for v in np.random.default_rng(1).integers(0, 65536, 768)]))
    yield "container/big-small-offsets.tif", plain(rgb, 2, big=True, long_offsets=False, rows=5)
    yield "container/xmp-orientation.tif", plain(rgb, 2, rows=9, _700=(1, list(b'<x:xmpmeta tiff:Orientation="8"/>')))
    yield "container/one-number-of-bits.tif", plain(rgb, 2, 5, rows=9, _258=(3, [8]))
    yield "container/no-photometric.tif", plain(grey, 0, 5, rows=9, drop=(262,))
    yield "container/no-rows.tif", plain(grey, 1, 5, rows=HEIGHT, drop=(278,))
    yield "container/rows-without-bound.tif", plain(grey, 1, 5, rows=HEIGHT, _278=(4, [2**32 - 1]))
    yield "container/wide-tags.tif", plain(grey, 1, 5, rows=9, _256=(4, [WIDTH]), _257=(4, [HEIGHT]), _258=(1, [8]))
    for rows, compression in itertools.product((1, 2, 3, 28, 29, 30), (1, 5, 8, 32773)):
        yield f"strips/{rows}-{compression}.tif", plain(rgb, 2, compression, rows=rows)
    for tile, compression, planar in itertools.product(((16, 16), (32, 16), (48, 16), (16, 48), (64, 64)), (1, 5, 8, 32773), (False, True)):
        yield f"tiles/{tile[0]}x{tile[1]}-{compression}{'-planes' if planar else ''}.tif", plain(rgb, 2, compression, tile=tile, planar=planar)
    tall = smooth(3, 61, 120)
    yield "lzw/full-table.tif", plain(tall, 2, 5, rows=120)
    yield "lzw/full-table-predicted.tif", plain(tall, 2, 5, rows=120, predictor=2)
    yield "lzw/old.tif", plain(tall, 2, 5, rows=120, compress=lambda b: lzw(b, True))
    yield "lzw/old-strips.tif", plain(rgb, 2, 5, rows=6, compress=lambda b: lzw(b, True))
    yield "lzw/old-tiles.tif", plain(rgb, 2, 5, tile=(16, 16), compress=lambda b: lzw(b, True))


def numbers():
    rng = np.random.default_rng(5)
    ranges = {"i1": (-128, 128), "i2": (-300, 600), "u4": (0, 400), "i4": (-300, 600)}
    for order, (kind, (low, high)), compression in itertools.product("<>", ranges.items(), (1, 5)):
        array = rng.integers(low, high, (HEIGHT, WIDTH, 1)).astype(kind)
        name = f"numbers/{'II' if order == '<' else 'MM'}-{kind}-{compression}"
        # Of what is compressed Pillow takes libtiff's order of bytes for that of the file.
        yield f"{name}.tif", plain(array, 1, compression, order, rows=7), plain(array, 1, rows=7)
        if compression > 1 and order == "<":
            yield f"{name}-predicted.tif", plain(array, 1, compression, order, rows=7, predictor=2)
            yield f"{name}-tiles.tif", plain(array, 1, compression, order, tile=(16, 16), predictor=2)
    floats = rng.normal(120, 90, (HEIGHT, WIDTH, 1)).astype("f4")
    floats[0, :8, 0] = [np.inf, -np.inf, 0.5, 254.99, 255, 256, -0.5, 1e30]
    for photometric, order in itertools.product((0, 1), "<>"):
        name = f"numbers/{'II' if order == '<' else 'MM'}-f4-{photometric}"
        yield f"{name}.tif", plain(floats, photometric, order=order, rows=7)
        if order == "<":
            for predictor in (1, 2, 3):
                yield f"{name}-{predictor}.tif", plain(floats, photometric, 8, order, rows=7, predictor=predictor)
    for width, compression in itertools.product((37, 38), (1, 5)):
        deep = rng.integers(0, 4096, (HEIGHT, width))
        rows = []
        for row in deep:
            bits = "".join(f"{v:012b}" for v in row)
            bits += "0" * (-len(bits) % 8)
            rows.append(bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)))
        tags = describe(np.zeros((HEIGHT, width, 1)), 1, compression, 12, rows=6)
        yield f"numbers/12-{width}-{compression}.tif", container(tags, [COMPRESSORS[compression](b"".join(rows[y:y + 6])) for y in range(0, HEIGHT, 6)])


def clumps(block, h, v):
    """YCbCr whose chroma is that of the first pixel of h by v."""
    block = np.pad(block, ((0, -block.shape[0] % v), (0, -block.shape[1] % h), (0, 0)), mode="edge")
    out = bytearray()
    for y, x in itertools.product(range(0, block.shape[0], v), range(0, block.shape[1], h)):
        out += block[y:y + v, x:x + h, 0].tobytes() + block[y, x, 1:].tobytes()
    return bytes(out)


def chroma():
    array = np.random.default_rng(9).integers(0, 256, (19, 21, 3)).astype("u1")
    scales = {"": {}, "-luma": {"_529": (5, [2126, 10000, 7152, 10000, 722, 10000])}, "-range": {"_532": (5, [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])}}
    for (h, v), compression, (name, more) in itertools.product(((1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)), (5, 8), scales.items()):
        for geometry in ({"rows": 8}, {"tile": (16, 16)}):
            if name and "rows" not in geometry:
                continue
            tags = describe(array, 6, compression, **geometry, _530=(3, [h, v]), **more)
            blocks = [COMPRESSORS[compression](clumps(b, h, v)) for b in cut(array, **geometry)]
            layout = "tiles" if "tile" in geometry else geometry["rows"]
            yield f"chroma/{h}{v}-{compression}{name}-{layout}.tif", container(tags, blocks, tiled="tile" in geometry)


RUNS = {}
for line in open("../../internal/tiff/faxcodes.go").read().split("const (")[1].split("\n)")[0].split("\n\t"):
    name, equals, codes = line.partition(" = ")
    if equals or line.startswith('"') or line.startswith("\t"):
        key = name.split()[-1] if equals else key
        RUNS.setdefault(key, []).extend((codes if equals else line).replace('"', "").replace("+", "").split())


def run(length, black):
    """The codes of a run."""
    short, long = (RUNS["blackShort"], RUNS["blackLong"]) if black else (RUNS["whiteShort"], RUNS["whiteLong"])
    out = ""
    while length >= 2560 + 64:
        out += RUNS["longest"][-1]
        length -= 2560
    if length >= 64:
        out += (long + RUNS["longest"])[length // 64 - 1]
    return out + short[length % 64]


def line1(row):
    """A line in one dimension."""
    out, at, black = "", 0, False
    while at < len(row):
        end = at
        while end < len(row) and bool(row[end]) == black:
            end += 1
        out += run(end - at, black)
        at, black = end, not black
    return out


def packed(bits):
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


EOL = "0" * 11 + "1"


def group3(rows, start=True, each=True, fill=0, aligned=False, end=False):
    out = ""
    for i, row in enumerate(rows):
        if each and (i or start):
            out += "0" * fill
            if aligned:
                out += "0" * ((4 - len(out)) % 8)
            out += EOL
        out += line1(row)
    if end:
        out += EOL * 6
    return packed(out)


def words(rows, size):
    out = b""
    for row in rows:
        line = packed(line1(row))
        out += line + bytes(-len(line) % size)
    return out


# Damaged lines in two dimensions with a misplaced end of line or extension, of which libtiff shows another rest.
DIFFERENT = {"37-group3-1-6", "37-group4-0-1", "37-group4-0-4", "64-group4-0-3", "1728-group4-0-1", "6000-group4-0-2"}


def faxes():
    rng = np.random.default_rng(3)
    for width in (37, 64, 1728, 6000):
        rows = (rng.random((21, width)) < .5 / (1 + width / 50)).cumsum(1) % 2
        rows[3], rows[4] = 0, 1
        def file(name, compression, encode, photometric=0, strip=21, fill=1, **more):
            blocks = [encode(rows[y:y + strip]) for y in range(0, 21, strip)]
            if fill == 2:
                more["_266"] = (3, [2])
                blocks = [b.translate(tiffs.REVERSED) for b in blocks]
            tags = describe(np.zeros((21, width, 1)), photometric, compression, 1, rows=strip, **more)
            return f"faxes/{width}-{name}.tif", container(tags, blocks)
        for strip, fill in ((21, 1), (5, 1), (5, 2)):
            name = f"{strip}-{fill}"
            yield file(f"rle-{name}", 2, lambda r: words(r, 1), strip=strip, fill=fill)
            # libtiff takes a line for aligned that begins at an odd byte, if it has read ahead.
            yield *file(f"rle-words-{name}", 32771, lambda r: words(r, 2), strip=strip, fill=fill), file("", 2, lambda r: words(r, 1))[1]
            if width > 100:
                continue
            yield file(f"no-ends-{name}", 3, lambda r: group3(r, each=False), strip=strip, fill=fill)
            yield file(f"no-first-end-{name}", 3, lambda r: group3(r, start=False, end=True), strip=strip, fill=fill)
            yield file(f"filled-{name}", 3, lambda r: group3(r, fill=19), strip=strip, fill=fill)
            yield file(f"aligned-{name}", 3, lambda r: group3(r, aligned=True, end=True), strip=strip, fill=fill, _292=(4, [4]))
        for compression, (options, tag) in itertools.product(("group3", "group4"), ((0, 292), (1, 292), (4, 292), (5, 292))):
            if compression == "group4" and options:
                continue
            out = io.BytesIO()
            Image.fromarray(rows == 0).save(out, "TIFF", compression=compression, tiffinfo={tag: options, 278: 21} if compression == "group3" else {278: 21})
            data = out.getvalue()
            yield f"faxes/{width}-{compression}-{options}.tif", data
            at, size = (Image.open(io.BytesIO(data)).tag_v2[n][0] for n in (273, 279))
            for damage in range(8 if width < 100 else 3):  # a bit of the data is changed
                broken = bytearray(data)
                broken[at + random.Random(damage).randrange(size)] ^= 1 << damage
                if f"{width}-{compression}-{options}-{damage}" in DIFFERENT:
                    continue
                yield f"faxes/{width}-{compression}-{options}-damage{damage}.tif", bytes(broken)


def labs():
    """CIELab: planes through the space, which LittleCMS interpolates."""
    flat = np.zeros((52, 52), int)
    for i, fixed in enumerate((0, 3, 77, 128, 200, 255)):
        ramp = np.append(np.arange(i % 5, 256, 5), 255)[:52]
        u, v = ramp[:, None] + flat, ramp[None] + flat
        for axis in range(3):
            array = np.stack([u, v], -1)
            array = np.insert(array, axis, fixed, -1).astype("u1")
            yield f"lab/{axis}-{fixed}.tif", plain(array, 8, 8, rows=64)


def pictures():
    yield from faxes()
    yield from labs()
    yield from containers()
    yield from numbers()
    yield from chroma()
    yield from jpegs()
