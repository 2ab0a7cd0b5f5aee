"""Makes qoi.tar.gz and qoi.json with Pillow 13 (pip install pillow numpy): small QOI files, and for each the hash of its size
and of the RGB that Pillow shows. Pillow writes some; the others are operations at random, which no encoder would write: of
unseen pixels, with runs at the start and beyond the end, without an end marker. Run it in this folder."""
import gzip
import hashlib
import io
import json
import random
import struct
import tarfile

import numpy as np
import PIL
from PIL import Image

random.seed(1)


def header(width, height, channels, space):
    return b"qoif" + struct.pack(">IIBB", width, height, channels, space)


OPERATIONS = {
    "index": (0x00, 64, 0), "diff": (0x40, 64, 0), "luma": (0x80, 64, 1), "run": (0xC0, 62, 0), "rgb": (0xFE, 1, 3), "rgba": (0xFF, 1, 4)}


def operations(kinds, pixels):
    data = bytearray()
    for _ in range(pixels):
        first, count, more = OPERATIONS[random.choice(kinds)]
        data.append(first + random.randrange(count))
        data += random.randbytes(more)
    return bytes(data)


def pictures():
    noise = np.random.default_rng(1).integers(0, 256, (9, 13, 4), dtype=np.uint8)
    flat = noise // 64 * 64
    ramp = np.linspace(0, 255, 9 * 13 * 4).reshape(9, 13, 4).astype(np.uint8)
    for name, pixels in {"noise": noise, "flat": flat, "ramp": ramp, "even": np.full_like(noise, 77)}.items():
        for mode, bands in {"rgb": 3, "rgba": 4}.items():
            for space in ("sRGB", "linear"):
                out = io.BytesIO()
                Image.fromarray(pixels[:, :, :bands].copy()).save(out, "QOI", colorspace=space)
                yield f"qoi/pillow-{name}-{mode}-{space}.qoi", out.getvalue()
    for channels in (0, 3, 4, 5, 255):
        for space in (0, 1, 2):
            yield f"qoi/channels{channels}-space{space}.qoi", header(7, 5, channels, space) + operations(list(OPERATIONS), 35)
    for kind in OPERATIONS:
        for other in OPERATIONS:
            yield f"qoi/{kind}-{other}.qoi", header(11, 6, 3 + random.randrange(2), 0) + operations([kind, other], 66)
    for width, height in ((1, 1), (1, 9), (9, 1), (62, 1), (63, 2)):
        yield f"qoi/{width}x{height}.qoi", header(width, height, 4, 0) + operations(list(OPERATIONS), width * height)
    for index in range(64):
        yield f"qoi/first-index{index}.qoi", header(2, 2, 3, 0) + b"\xc0" + bytes([index, 0x6A, index])


def shown(data):
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return hashlib.sha256(struct.pack(">II", *picture.size) + picture.tobytes()).hexdigest()[:12]


files = dict(pictures())
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
    for name, data in files.items():
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
open("qoi.tar.gz", "wb").write(gzip.compress(archive.getvalue(), 9, mtime=0))
lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(shown(data))}" for name, data in files.items())
open("qoi.json", "w").write('{"pillow": "%s", "pictures": {\n%s\n}}\n' % (PIL.__version__, lines))
