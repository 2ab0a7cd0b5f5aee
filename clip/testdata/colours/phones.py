"""Makes avif.tar.gz and avif.json with Pillow 13 and pillow-heif (pip install pillow pillow-heif): small files of the formats
that are refused by name, written by their usual encoders with the brands they have, and for each the name. Run it in this
folder."""
import gzip
import io
import itertools
import json
import tarfile

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
picture = Image.linear_gradient("L").resize((24, 16))
rgb = Image.merge("RGB", (picture, picture.transpose(Image.Transpose.ROTATE_180), picture))
rgba = Image.merge("RGBA", (*rgb.split(), picture))
other = rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

files = {}


def add(name, kind, image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    files[name] = kind, out.getvalue()


for subsampling, range_ in itertools.product(("4:2:0", "4:2:2", "4:4:4", "4:0:0"), ("full", "limited")):
    name = f"avif/{subsampling.replace(':', '')}-{range_}.avif"
    add(name, "AVIF", rgb, "AVIF", subsampling=subsampling, range=range_)
add("avif/lossless.avif", "AVIF", rgb, "AVIF", quality=100, subsampling="4:4:4")
add("avif/alpha.avif", "AVIF", rgba, "AVIF")
exif = Image.Exif()
for orientation in range(1, 9):
    exif[0x0112] = orientation
    add(f"avif/orientation{orientation}.avif", "AVIF", rgb, "AVIF", exif=exif)
add("avif/animated.avif", "an animated AVIF", rgb, "AVIF", save_all=True, append_images=[other])
for chroma in (420, 422, 444):
    add(f"heic/{chroma}.heic", "HEIC", rgb, "HEIF", chroma=chroma)
add("heic/grey.heic", "HEIC", picture, "HEIF")
add("heic/alpha.heic", "HEIC", rgba, "HEIF")
add("heic/lossless.heic", "HEIC", rgb, "HEIF", quality=-1)
add("heic/several.heic", "HEIC", rgb, "HEIF", save_all=True, append_images=[other])
for name, image in {"rgb": rgb, "grey": picture, "alpha": rgba}.items():
    add(f"jpeg2000/{name}.jp2", "JPEG 2000", image, "JPEG2000")
    add(f"jpeg2000/{name}.j2k", "JPEG 2000", image, "JPEG2000", no_jp2=True)
add("other/picture.pdf", "a PDF", rgb, "PDF")
add("other/picture.eps", "PostScript", rgb, "EPS")
add("other/picture.icns", "an Apple icon", rgba, "ICNS")
add("other/picture.dds", "DDS", rgb, "DDS")

archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
    for name, (_, data) in files.items():
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
open("avif.tar.gz", "wb").write(gzip.compress(archive.getvalue(), 9, mtime=0))
lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(kind)}" for name, (kind, _) in files.items())
open("avif.json", "w").write("{\n%s\n}\n" % lines)
