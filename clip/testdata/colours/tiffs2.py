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


def pictures():
    yield from jpegs()
