"""Makes openclip.json beside it: the SHA-256 of what open_clip's transform makes of a photo, before they are normalised, in
each resize mode. Needs: pip install open_clip_torch==3.3.0 Pillow==13.0.0. Run it in this folder."""
import hashlib
import json

import numpy as np
from open_clip.transform import image_transform
from PIL import Image

rows = []
photo = Image.open("photos/cat_chelsea.png").convert("RGB")
for crop in (photo.size, (333, 201), (131, 201), (57, 300), (400, 31)):  # odd differences are rounded
    for size in (225, 64, (160, 224), (97, 64)):
        for mode in ("shortest", "longest", "squash"):
            for interpolation in ("bicubic", "bilinear"):
                image = photo.crop((0, 0, *crop))
                for step in image_transform(size, is_train=False, resize_mode=mode, interpolation=interpolation).transforms[:-2]:
                    image = step(image)
                config = {"size": size, "resize_mode": mode, "interpolation": interpolation}
                rows.append({"crop": crop, "config": config, "sha256": hashlib.sha256(np.asarray(image).tobytes()).hexdigest()})
with open("openclip.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
