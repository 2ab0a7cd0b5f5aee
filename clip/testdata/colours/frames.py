"""GIFs, BMPs and WebPs in every form, and orientations in every place."""
import io
import itertools
import random
import struct
import zlib

import numpy as np
from PIL import Image

import jpegs
import pngs
import tiffs


def lzw(indices, width):
    """LZW of literals, cleared so often that codes keep their size."""
    clear, size = 1 << width, width + 1
    codes = []
    for at in range(0, len(indices), max(1, clear - 2)):
        codes += [clear, *indices[at:at + max(1, clear - 2)]]
    codes.append(clear + 1)
    number = sum(c << i * size for i, c in enumerate(codes))
    return number.to_bytes((len(codes) * size + 7) // 8, "little")


def blocks(data):
    return b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"


def gif(canvas=(12, 9), frame=(12, 9), corner=(0, 0), bits=3, colours=3, local=0, transparent=None, interlaced=False, background=0, surplus=0, trailing=b"", indices=None, extensions=b"", version=b"89a", ended=True, disposal=0):
    rng = random.Random(f"{frame}{bits}")
    palette = random.Random("palette")
    out = b"GIF" + version + struct.pack("<HHBBB", *canvas, (0x80 | colours - 1 if colours else 0), background, 0)
    if colours:
        out += palette.randbytes(3 << colours)
    out += extensions
    if transparent is not None or disposal:
        out += b"\x21\xf9\4" + bytes([disposal << 2 | (transparent is not None), 0, 0, transparent or 0, 0])
    out += b"\x2c" + struct.pack("<HHHHB", *corner, *frame, (0x80 | local - 1 if local else 0) | (0x40 if interlaced else 0))
    if local:
        out += palette.randbytes(3 << local)
    if indices is None:
        indices = [rng.randrange(1 << min(bits, local or colours or bits)) for _ in range(frame[0] * frame[1])]
    indices = indices + [rng.randrange(1 << bits) for _ in range(surplus)]
    data = lzw(indices, bits)
    if not ended:
        data = data[:-1]
    return out + bytes([bits]) + blocks(data + trailing) + b"\x3b"


def gifs():
    for bits, local, transparent, interlaced in itertools.product((2, 3, 5, 8), (False, True), (None, 0, 3), (False, True)):
        yield f"bits{bits}{'-local' if local else ''}{'' if transparent is None else f'-transparent{transparent}'}{'-interlaced' if interlaced else ''}", gif(
            bits=bits, colours=bits if not local else 1, local=bits if local else 0, transparent=transparent, interlaced=interlaced)
    for canvas, corner, transparent, interlaced in itertools.product(((12, 9), (20, 15), (8, 5), (1, 1), (30, 5), (8, 20)), ((0, 0), (3, 2), (9, 9), (40, 1)), (None, 2), (False, True)):
        yield f"canvas{canvas[0]}x{canvas[1]}-at{corner[0]},{corner[1]}{'' if transparent is None else '-transparent'}{'-interlaced' if interlaced else ''}", gif(
            canvas, corner=corner, transparent=transparent, interlaced=interlaced)
    for surplus, interlaced, bits in itertools.product((1, 2, 12, 13, 500), (False, True), (3, 8)):
        yield f"surplus{surplus}-bits{bits}{'-interlaced' if interlaced else ''}", gif(surplus=surplus, interlaced=interlaced, bits=bits, colours=bits)
    for size in (1, 2, 255, 300, 600):
        yield f"trailing{size}", gif(trailing=bytes(size))
        yield f"trailing-after-surplus{size}", gif(surplus=3, trailing=b"\xff" * size)
    for frame in ((1, 1), (1, 9), (2, 3), (12, 1), (3, 4), (5, 8)):
        yield f"frame{frame[0]}x{frame[1]}-interlaced", gif(frame=frame, interlaced=True)
        yield f"frame{frame[0]}x{frame[1]}", gif(frame=frame)
    yield "no-palette", gif(colours=0)
    yield "no-palette-transparent", gif(colours=0, transparent=3)
    yield "no-palette-bits8", gif(colours=0, bits=8)
    yield "short-palette", gif(colours=2, bits=4, indices=[i % 16 for i in range(108)])
    yield "short-palette-transparent", gif(colours=2, bits=4, transparent=2, indices=[i % 16 for i in range(108)])
    yield "transparent-beyond-palette", gif(transparent=200)
    yield "transparent-beyond-palette-on-canvas", gif((20, 15), transparent=200)
    for background in (0, 3, 7, 200):
        yield f"background{background}", gif((20, 15), background=background, corner=(2, 2))
        yield f"background{background}-transparent", gif((20, 15), background=background, corner=(2, 2), transparent=1)
    for disposal in range(4):
        yield f"disposal{disposal}", gif((20, 15), disposal=disposal, corner=(2, 2), transparent=1)
    yield "version87a", gif(version=b"87a")
    yield "extensions", gif(extensions=b"\x21\xfe\3abc\0\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0\x21\x01\x0c" + bytes(12) + b"\0")
    yield "unknown-extension", gif(extensions=b"\x21\x42\3abc\0")
    yield "zeros-between", gif(extensions=b"\0\0")
    grey = b"".join(bytes([i, i, i]) for i in range(8))
    ramp = gif()
    yield "grey-ramp", ramp[:13] + grey + ramp[13 + 24:]
    yield "grey-ramp-transparent", (lambda g: g[:13] + grey + g[13 + 24:])(gif(transparent=4))
    beyond = gif(bits=4, colours=3, indices=[i % 16 for i in range(108)])
    yield "grey-ramp-beyond", beyond[:13] + grey + beyond[13 + 24:]
    local = gif(bits=4, colours=2, local=3, indices=[i % 16 for i in range(108)])
    yield "grey-ramp-local-beyond", local[:13 + 12 + 10] + grey + local[13 + 12 + 10 + 24:]
    yield "bits1", gif(bits=1, colours=1)
    cat = Image.open("../photos/cat_chelsea.png").convert("RGB").resize((40, 30)).quantize(256)
    for interlaced in (0, 1):
        out = io.BytesIO()
        cat.save(out, "GIF", interlace=interlaced)
        yield f"strings{'-interlaced' if interlaced else ''}", out.getvalue()


def bmp(bits, header=40, compression=0, masks=b"", palette=None, flipped=True, used=0, gap=0, size=(7, 5)):
    rng = random.Random(bits)
    width, height = size
    stride = (width * bits + 31) // 32 * 4
    data = rng.randbytes(stride * height)
    colours = b""
    if bits <= 8:
        n = used or 1 << bits
        colours = b"".join(random.Random("palette").randbytes(3) + (b"" if header == 12 else b"\0") for _ in range(n))
        if used:
            data = bytes(b % used if bits == 8 else 0 for b in data)
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, height if flipped else -height, 1, bits, compression, len(data), 0, 0, used, 0)
        head += masks if header == 40 else masks.ljust(header - 40, b"\0")
    start = 14 + len(head) + len(colours) + gap
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + colours + bytes(gap) + data


MASKS = {
    "bgr0": (32, (0xFF0000, 0xFF00, 0xFF, 0)), "bgra": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), "rgba": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "rgb0": (32, (0xFF, 0xFF00, 0xFF0000, 0)), "abgr": (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)), "555": (16, (0x7C00, 0x3E0, 0x1F, 0)), "565": (16, (0xF800, 0x7E0, 0x1F, 0)),
}


def bmps():
    for bits, header, flipped in itertools.product((1, 2, 4, 8, 16, 24, 32), (12, 40, 52, 56, 64, 108, 124), (True, False)):
        if header == 12 and (bits in (2, 16, 32) or not flipped):
            continue
        yield f"{bits}-header{header}{'' if flipped else '-top-down'}", bmp(bits, header, flipped=flipped)
    for bits, used in ((8, 1), (8, 5), (8, 200), (4, 3), (1, 1)):
        yield f"{bits}-{used}colours", bmp(bits, used=used)
    for (name, (bits, masks)), header in itertools.product(MASKS.items(), (40, 52, 56, 108, 124)):
        yield f"fields-{name}-header{header}", bmp(bits, header, 3, struct.pack("<IIII", *masks)[:12 if header in (40, 52) else 16])
    for bits in (8, 24, 32):
        yield f"{bits}-gap", bmp(bits, gap=6)


def webps():
    rng = np.random.default_rng(1)
    for (w, h), (kind, options) in itertools.product(((1, 1), (2, 2), (7, 5), (16, 16), (17, 33)), {"lossy": {"quality": 70}, "lossy5": {"quality": 5}, "lossless": {"lossless": True}, "exact": {"lossless": True, "exact": True}, "near": {"lossless": True, "quality": 30, "method": 6}}.items()):
        noise = rng.integers(0, 256, (h, w, 4), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(noise).resize((w, h), box=(0, 0, max(1, w / 4), max(1, h / 4))))
        for mode in ("RGB", "RGBA", "L"):
            out = io.BytesIO()
            Image.fromarray(smooth).convert(mode).save(out, "WebP", **options)
            yield f"{kind}-{mode}-{w}x{h}", out.getvalue()


def exif(o, order=">"):
    head = b"MM\0*" if order == ">" else b"II*\0"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, o, 0, 0)


def xmp(o, element=False):
    value = f"<tiff:Orientation>{o}</tiff:Orientation>" if element else ""
    attribute = "" if element else f' tiff:Orientation="{o}"'
    return (f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
            f' xmlns:tiff="http://ns.adobe.com/tiff/1.0/"{attribute}>{value}</rdf:Description></rdf:RDF></x:xmpmeta>').encode()


def profile(o, prefix=True, broken=False, name="exif"):
    data = (b"Exif\0\0" if prefix else b"") + exif(o)
    text = data.hex()
    lines = [text[i:i + 72] for i in range(0, len(text), 72)]
    if broken:
        lines[-1] = lines[-1][:-1] + "g"
    return f"\n{name}\n{len(data):8}\n".encode() + "\n".join(lines).encode() + b"\n"


def text(kind, key, value):
    if kind == b"tEXt":
        return pngs.chunk(kind, key + b"\0" + value)
    if kind == b"zTXt":
        return pngs.chunk(kind, key + b"\0\0" + zlib.compress(value))
    if kind == b"iTXt":
        return pngs.chunk(kind, key + b"\0\0\0\0\0" + value)
    return pngs.chunk(b"iTXt", key + b"\0\1\0en\0x\0" + zlib.compress(value))  # compressed


def orientations():
    raw, packet = b"Raw profile type exif", b"XML:com.adobe.xmp"
    size = {"size": (5, 3)}
    for o in range(0, 10):
        for kind in (b"tEXt", b"zTXt", b"iTXt", b"ziTX"):
            yield f"raw-{kind.decode()}-{o}.png", pngs.png(2, 8, text(kind, raw, profile(o)), **size)
            for element in (False, True):
                yield f"xmp-{kind.decode()}{'-element' if element else ''}-{o}.png", pngs.png(2, 8, text(kind, packet, xmp(o, element)), **size)
        for element, order in itertools.product((False, True), "<>"):
            yield f"xmp{'-element' if element else ''}-{'II' if order == '<' else 'MM'}-{o}.tif", tiffs.tiff(order, more=[(700, "B", list(xmp(o, element)))])
        yield f"exif-and-xmp-{o}.tif", tiffs.tiff(orientation=3, more=[(700, "B", list(xmp(o)))])
        yield f"exif-{o}.png", pngs.png(2, 8, pngs.chunk(b"eXIf", exif(o)), **size)
        components = jpegs.named(b"\1\2\3")
        app = b"http://ns.adobe.com/xap/1.0/\0"
        for element in (False, True):
            yield f"xmp{'-element' if element else ''}-{o}.jpg", jpegs.jpeg(components, (9, 5), jpegs.segment(0xE1, app + xmp(o, element)))
        yield f"exif-{o}.jpg", jpegs.jpeg(components, (9, 5), jpegs.segment(0xE1, b"Exif\0\0" + exif(o)))
        for name, options in {"exif": {"exif": exif(o)}, "xmp": {"xmp": xmp(o)}, "xmp-element": {"xmp": xmp(o, True)}}.items():
            out = io.BytesIO()
            Image.fromarray(np.arange(45, dtype=np.uint8).reshape(3, 5, 3)).save(out, "WebP", lossless=True, **options)
            yield f"{name}-{o}.webp", out.getvalue()
    six, eight = text(b"zTXt", raw, profile(6)), text(b"iTXt", packet, xmp(8))
    three = pngs.chunk(b"eXIf", exif(3))
    none = pngs.chunk(b"eXIf", exif(3).replace(b"\x01\x12", b"\x01\x13"))
    for name, data in {
        "raw-and-xmp": six + eight, "xmp-and-raw": eight + six, "exif-and-raw": three + six, "raw-and-exif": six + three, "exif-and-xmp": three + eight,
        "exif-without-and-raw": none + six, "exif-without-and-xmp": none + eight, "raw-without-prefix": text(b"zTXt", raw, profile(6, False)),
        "raw-broken": text(b"zTXt", raw, profile(6, broken=True)), "raw-app1": text(b"zTXt", b"Raw profile type APP1", profile(6, name="generic profile")),
        "raw-twice": text(b"zTXt", raw, profile(8)) + six, "exif-named": pngs.chunk(b"eXIf", b"Exif\0\0" + exif(6)), "exif-named-twice": pngs.chunk(b"eXIf", b"Exif\0\0" * 2 + exif(6)),
        "exif0-and-xmp": pngs.chunk(b"eXIf", exif(0)) + eight, "exif-twice": three + pngs.chunk(b"eXIf", exif(6)), "xmp-other-attribute": text(b"iTXt", packet, b"<x tiff:Orientation='6'/>"),
        "xmp-later": text(b"iTXt", packet, b"<x tiff:Orientation='6' a='tiff:Orientation'/>" + xmp(8, True)), "xmp-empty": text(b"iTXt", packet, b""),
    }.items():
        yield f"{name}.png", pngs.png(2, 8, data, **size)
        whole = pngs.png(2, 8, b"", **size)
        yield f"{name}-after.png", whole[:-12] + data + whole[-12:]
    both = jpegs.segment(0xE1, b"Exif\0\0" + exif(3)), jpegs.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(6))
    without = jpegs.segment(0xE1, b"Exif\0\0" + exif(3).replace(b"\x01\x12", b"\x01\x13"))
    for name, data in {"exif-and-xmp": both[0] + both[1], "xmp-and-exif": both[1] + both[0], "exif-without-and-xmp": without + both[1], "exif0-and-xmp": jpegs.segment(0xE1, b"Exif\0\0" + exif(0)) + both[1],
        "exif9-and-xmp": jpegs.segment(0xE1, b"Exif\0\0" + exif(9)) + both[1], "xmp-twice": both[1] + jpegs.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(8)),
        "exif-named-twice": jpegs.segment(0xE1, b"Exif\0\0" * 2 + exif(6)), "exif-little": jpegs.segment(0xE1, b"Exif\0\0" + exif(6, "<"))}.items():
        yield f"{name}.jpg", jpegs.jpeg(jpegs.named(b"\1\2\3"), (9, 5), data)


def pictures():
    for name, data in gifs():
        yield f"gif/{name}.gif", data
    for name, data in bmps():
        yield f"bmp/{name}.bmp", data
    for name, data in webps():
        yield f"webp/{name}.webp", data
    for name, data in orientations():
        yield f"orientation/{name}", data
