"""Makes odd/ and resized/ with Pillow 13 (pip install pillow numpy simplejpeg): pictures of every kind, small, cut from chelsea, and
beside each, NAME.png, what Pillow shows of it as RGB, turned upright;
and refused/, kinds that Pillow reads and Penstock doesn't. Run it in this folder."""
import io

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

cat = Image.open("photos/cat_chelsea.png").convert("RGB").crop((120, 60, 181, 101))  # odd sides
alpha = Image.fromarray(np.linspace(0, 255, 61 * 41).astype(np.uint8).reshape(41, 61))


def keep(name, data, expect=None):
    if isinstance(data, io.BytesIO):
        data = data.getvalue()
    open("odd/" + name, "wb").write(data)
    shown = expect or ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    shown.save("odd/" + name + ".png", optimize=True)


def save(name, image, format, expect=None, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    keep(name, out, expect)


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


for o in range(1, 9):
    save(f"orientation{o}.jpg", cat, "JPEG", quality=95, subsampling="4:4:4", exif=exif(o))
save("orientation6.png", cat, "PNG", exif=exif(6))
save("orientation8.webp", cat, "WebP", lossless=True, exif=exif(8).tobytes())
save("orientation3.tif", cat, "TIFF", tiffinfo={0x0112: 3})

for s in ("4:4:4", "4:2:2", "4:2:0"):
    save("chroma" + s.replace(":", "") + ".jpg", cat, "JPEG", quality=90, subsampling=s)
for s in ("440", "411"):
    keep(f"chroma{s}.jpg", simplejpeg.encode_jpeg(np.asarray(cat), 90, colorspace="RGB", colorsubsampling=s))
save("quality100.jpg", cat, "JPEG", quality=100, subsampling="4:2:0")
save("quality5.jpg", cat, "JPEG", quality=5)
save("restarts.jpg", cat, "JPEG", quality=90, restart_marker_blocks=3)
save("progressive.jpg", cat, "JPEG", quality=85, progressive=True)
save("progressive-restarts.jpg", cat, "JPEG", quality=95, progressive=True, restart_marker_blocks=2)
save("progressive-grey.jpg", cat.convert("L"), "JPEG", quality=90, progressive=True)
save("progressive-cmyk.jpg", cat.convert("CMYK"), "JPEG", quality=90, progressive=True)
save("narrow.jpg", cat.crop((0, 0, 3, 41)), "JPEG", quality=90, subsampling="4:2:0")
save("one.jpg", cat.crop((9, 9, 10, 10)), "JPEG", quality=90)
save("grey.jpg", cat.convert("L"), "JPEG", quality=90)
save("cmyk.jpg", cat.convert("CMYK"), "JPEG", quality=95)
save("rgb.jpg", cat, "JPEG", quality=95, keep_rgb=True)

rgba = cat.copy()
rgba.putalpha(alpha)
save("rgba.png", rgba, "PNG")
save("grey-alpha.png", Image.merge("LA", (cat.convert("L"), alpha)), "PNG")
palette = cat.quantize(200)
save("palette.png", palette, "PNG")
save("palette-transparent.png", palette, "PNG", transparency=7)
save("palette4.png", cat.quantize(16), "PNG", bits=4)
save("bilevel.png", cat.convert("1"), "PNG")
save("grey-transparent.png", cat.convert("L"), "PNG", transparency=100)
save("rgb-transparent.png", cat, "PNG", transparency=cat.getpixel((5, 5)))
# Pillow turns 16-bit grey white; what is wanted is its high byte.
deep = np.asarray(cat.convert("L")).astype(np.uint16) * 256 + 77
save("grey16.png", Image.fromarray(deep), "PNG", expect=cat.convert("L").convert("RGB"))
save("grey16.tif", Image.fromarray(deep), "TIFF", expect=cat.convert("L").convert("RGB"))


def png16(array):  # Pillow writes no 16-bit colours
    import zlib
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    h, w, c = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, {3: 2, 4: 6}[c], 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


rng = np.random.default_rng(1)
noise = rng.integers(0, 256, (41, 61, 4), dtype=np.uint16)
keep("rgb16.png", png16(np.asarray(cat).astype(np.uint16) * 256 + noise[:, :, :3]))
keep("rgba16.png", png16(np.asarray(rgba).astype(np.uint16) * 256 + noise))

small = palette.crop((0, 0, 30, 20))
save("transparent.gif", palette, "GIF", transparency=7)
save("interlaced.gif", palette, "GIF", interlace=1)
save("animated.gif", palette, "GIF", save_all=True, append_images=[palette.rotate(180)], duration=100)
out = io.BytesIO()
small.save(out, "GIF", transparency=3, interlace=0)
gif = bytearray(out.getvalue())
gif[6:10] = struct.pack("<HH", 61, 41)  # a canvas larger than its frame, which is moved
frame = gif.index(b"\x2c\0\0\0\0")
gif[frame + 1:frame + 5] = struct.pack("<HH", 12, 9)
keep("corner.gif", bytes(gif))

save("lossless.webp", cat, "WebP", lossless=True)
save("lossless-alpha.webp", rgba, "WebP", lossless=True, exact=True)
save("lossy.webp", cat, "WebP", quality=80)
save("lossy-even.webp", cat.crop((0, 0, 60, 40)), "WebP", quality=60)
save("lossy-alpha.webp", rgba, "WebP", quality=80)
save("animated.webp", cat, "WebP", save_all=True, append_images=[cat.rotate(180)], duration=100, quality=80)
# Frames that Pillow writes may begin beside the corner once the rest is transparent.
hole = Image.new("RGBA", (61, 41))
hole.paste(cat.crop((0, 0, 30, 20)), (12, 8))
save("animated-corner.webp", hole, "WebP", save_all=True, append_images=[rgba], duration=100, lossless=True)

save("rgb.bmp", cat, "BMP")
save("rgba.bmp", rgba, "BMP")
save("palette.bmp", palette, "BMP")
save("bilevel.bmp", cat.convert("1"), "BMP")
save("grey.bmp", cat.convert("L"), "BMP")
for c in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
    save(f"{c}.tif", cat, "TIFF", compression=c)
save("rgba.tif", rgba, "TIFF")
save("palette.tif", palette, "TIFF")
save("bilevel.tif", cat.convert("1"), "TIFF", compression="group4")
save("grey.tif", cat.convert("L"), "TIFF")

for f in Image.Resampling:
    for size in ((23, 17), (61, 41), (40, 90), (200, 41)):
        cat.resize(size, f).save(f"resized/{f.value}-{size[0]}x{size[1]}.png", optimize=True)


tiny = cat.crop((20, 10, 36, 18))
tiny.save("refused/lzma.tif", compression="lzma")
