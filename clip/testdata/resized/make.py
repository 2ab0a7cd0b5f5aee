"""Makes orders.json with Pillow 13 (pip install pillow numpy): the hash of what Pillow makes of pictures on both sides of where
it changes the order of the directions, in every orientation, with every filter, whole and cropped. Run it in this folder."""
import hashlib
import json

import numpy as np
import PIL
from PIL import Image, ImageOps


def stored(width, height):
    """A picture that can be made anywhere."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((x * x * 7 + y * y * 3 + x * y * 5 + c * 85) % 256).astype(np.uint8))


def upright(picture, orientation):
    exif = picture.getexif()
    exif[0x0112] = orientation
    return ImageOps.exif_transpose(picture)


# Upright sizes, and what they are resized to. Down is first where it loses more than twice as many pixels as across.
sizes = [
    (30, h, 20, 20) for h in (19, 20, 39, 40, 41, 120)
] + [
    (20, h, 20, 20) for h in (19, 20, 21, 60)
] + [
    (15, h, 20, 20) for h in (10, 19, 20, 21, 90)
] + [
    (120, 30, 20, 20), (200, 20, 20, 20), (1, 50, 9, 8), (50, 1, 8, 9), (1, 1, 5, 5), (7, 131, 40, 33), (131, 7, 33, 40),
    (12, 200, 16, 266), (200, 12, 266, 16), (60, 131, 24, 52), (60, 129, 25, 60),
]
boxes = [(0, 0, None, None), (3, 1, 8, 9), (-2, -3, 40, 41)]  # left, top, width and height

hashes = []
for width, height, to_width, to_height in sizes:
    for orientation in range(1, 9):
        picture = stored(*((width, height) if orientation < 5 else (height, width)))
        picture = upright(picture, orientation)
        assert picture.size == (width, height)
        for f in sorted(Image.Resampling):
            resized = picture.resize((to_width, to_height), f)
            digest = hashlib.sha256()
            for left, top, w, h in boxes:
                w, h = w or to_width, h or to_height
                digest.update(resized.crop((left, top, left + w, top + h)).tobytes())
            hashes.append([width, height, to_width, to_height, orientation, f.value, digest.hexdigest()[:12]])

lines = ",\n".join(json.dumps(h) for h in hashes)
open("orders.json", "w").write(f'{{"pillow": "{PIL.__version__}", "hashes": [\n{lines}\n]}}\n')
