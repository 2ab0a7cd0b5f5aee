"""Makes odd/ and resized/ with Pillow 13 (pip install pillow numpy simplejpeg): pictures of every kind, small, cut from chelsea, and
beside each, NAME.png, what Pillow shows of it as RGB, turned upright;
and refused/, kinds that Pillow reads and Penstock doesn't. Run it in this folder."""
import io
import struct

import numpy as np
import simplejpeg
from PIL import Image, ImageCms, ImageOps

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


def refused(name, data):
    Image.open(io.BytesIO(data)).convert("RGB")  # Pillow reads it
    open("refused/" + name, "wb").write(data)


def refused_tiff(name, image, **options):
    out = io.BytesIO()
    image.save(out, "TIFF", **options)
    refused(name + ".tif", out.getvalue())


tiny = cat.crop((20, 10, 36, 18))
grey = tiny.convert("L")
refused_tiff("lzma", tiny, compression="lzma")


def refused_bmp(name, bits, compression, data, rest=b"", header=40, gap=0):
    head = struct.pack("<IiiHHIIiiII", header, 16, 8, 1, bits, compression, len(data), 0, 0, 0, 0) + rest + bytes(gap)
    refused(name + ".bmp", b"BM" + struct.pack("<IHHI", 14 + len(head) + len(data), 0, 0, 14 + len(head)) + head + data)


flipped = np.asarray(tiny)[::-1].astype(np.uint16)
r, g, b = (flipped[..., i] >> 3 for i in range(3))
bgr = flipped[..., ::-1].astype(np.uint8)
bgrx = np.dstack([bgr, np.zeros((8, 16), np.uint8)]).tobytes()
shades = b"".join(bytes([i, i, i, 0]) for i in range(256))
rows = [bytes(row) for row in np.asarray(grey)[::-1]]
masks = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
refused_bmp("five-bits-each", 16, 0, (r << 10 | g << 5 | b).tobytes())
refused_bmp("five-and-six-bits", 16, 3, (r << 11 | g << 6 | b).tobytes(), struct.pack("<III", 0xF800, 0x7E0, 0x1F))
refused_bmp("bit-fields", 32, 3, bgrx, masks)
refused_bmp("run-lengths-8", 8, 1, b"".join(b"".join(bytes([1, v]) for v in row) + b"\0\0" for row in rows) + b"\0\1", shades)
refused_bmp("run-lengths-4", 4, 2, b"".join(b"".join(bytes([1, v & 0xF0]) for v in row) + b"\0\0" for row in rows) + b"\0\1", b"".join(bytes([17 * i] * 3 + [0]) for i in range(16)))
refused_bmp("header-52", 24, 0, bgr.tobytes(), bytes(12), header=52)
refused_bmp("header-56", 32, 3, bgrx, masks + bytes(4), header=56)
refused_bmp("gap", 24, 0, bgr.tobytes(), gap=6)
refused("header-12.bmp", b"BM" + struct.pack("<IHHI", 26 + bgr.size, 0, 0, 26) + struct.pack("<IHHHH", 12, 16, 8, 1, 24) + bgr.tobytes())
