"""Makes netpbm_tga.tar.gz and netpbm_tga.json of pnms.py and tgas.py, as make.py makes pictures.tar.gz and expected.json of
the others. Run it in this folder."""
import gzip
import hashlib
import io
import json
import struct
import tarfile

import numpy as np
import PIL
from PIL import Image

import pnms
import tgas


def shown(data):
    """What Pillow shows, with one intended difference: greys of 16 bits are their high byte."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    if picture.mode == "I":
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    return picture.convert("RGB")


pictures, expected = {}, {}
for module in (pnms, tgas):
    for name, data in module.pictures():
        assert name not in pictures, name
        picture = shown(data)
        expected[name] = hashlib.sha256(struct.pack(">II", *picture.size) + picture.tobytes()).hexdigest()[:12]
        pictures[name] = data

archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
    for name, data in pictures.items():
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
open("netpbm_tga.tar.gz", "wb").write(gzip.compress(archive.getvalue(), 9, mtime=0))
lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(expected[name])}" for name in pictures)
open("netpbm_tga.json", "w").write('{"pillow": "%s", "pictures": {\n%s\n}}\n' % (PIL.__version__, lines))
