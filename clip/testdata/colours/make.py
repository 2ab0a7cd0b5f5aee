"""Makes pictures.tar.gz and expected.json with Pillow 13 (pip install pillow numpy): small pictures in every combination of
colour model, marker, sampling, alpha, depth, layout and compression that the files beside this one can write and Pillow
can read, and for each the hash of its size and of the RGB that Pillow shows. In refused/, without a hash, are those that
Pillow refuses too. Run it in this folder, with the names of archives to make only these."""
import gzip
import hashlib
import io
import json
import struct
import sys
import tarfile
import warnings

import numpy as np
import PIL
from PIL import Image, ImageOps, TiffImagePlugin

import bmps
import frames
import icos
import jpegs
import pngs
import tiffs
import tiffs2

warnings.simplefilter("ignore")
Image.MAX_IMAGE_PIXELS = None


def shown(data):
    """What Pillow shows, with intended differences: grey of 12 or 16 bits is its highest 8, inverted where 0 is white; a GIF frame whose
    palette is a ramp of greys keeps it where there is another one for all frames; 16-bit samples in separate planes are read
    by libtiff, where Pillow itself takes the two bytes of a sample for two samples."""
    picture = Image.open(io.BytesIO(data))
    if picture.format == "TIFF" and picture.tag_v2.get(284) == 2 and 16 in picture.tag_v2.get(258, ()):
        TiffImagePlugin.READ_LIBTIFF = True
        picture = Image.open(io.BytesIO(data))
        TiffImagePlugin.READ_LIBTIFF = False
    white_is_zero = picture.format == "TIFF" and picture.tag_v2.get(262, 0) == 0
    depth = picture.tag_v2.get(258, (1,))[0] if picture.format == "TIFF" else 16
    grey_frame = picture.format == "GIF" and picture.mode == "L"
    picture.load()
    picture = ImageOps.exif_transpose(picture)
    if grey_frame:
        picture = Image.fromarray(np.asarray(picture))
    if not picture.mode.startswith("I;16"):
        return picture.convert("RGB")
    grey = (np.asarray(picture) >> depth - 8).astype(np.uint8)
    return Image.fromarray(255 - grey if white_is_zero else grey).convert("RGB")


# Each archive NAME.tar.gz has its hashes in NAME.json; those of pictures.tar.gz are in expected.json.
ARCHIVES = {
    "pictures": (jpegs, pngs, tiffs, frames),
    "tiffs": (tiffs2,),
    "bmp_ico": (bmps, icos),
}


def make(name, modules):
    pictures, expected = {}, {}
    for module in modules:
        for picture, data, *twin in module.pictures():  # a twin is another file of the same pixels, which Pillow reads
            assert picture not in pictures, picture
            try:
                seen = shown(*twin or [data])
            except Exception:
                if not picture.startswith("refused/"):
                    continue
                expected[picture] = ""
            else:
                expected[picture] = hashlib.sha256(struct.pack(">II", *seen.size) + seen.tobytes()).hexdigest()[:12]
            pictures[picture] = data
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for picture, data in pictures.items():
            member = tarfile.TarInfo(picture)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    open(f"{name}.tar.gz", "wb").write(gzip.compress(archive.getvalue(), 9, mtime=0))
    lines = ",\n".join(f"{json.dumps(picture)}:{json.dumps(expected[picture])}" for picture in pictures)
    open("expected.json" if name == "pictures" else f"{name}.json", "w").write('{"pillow": "%s", "pictures": {\n%s\n}}\n' % (PIL.__version__, lines))


for name, modules in ARCHIVES.items():
    if len(sys.argv) < 2 or name in sys.argv[1:]:
        make(name, modules)
