"""PBMs, PGMs, PPMs and what Pillow reads with them, with every kind of maximum, comment and white space."""
import itertools
import random
import struct

CHANNELS = {"P2": 1, "P3": 3, "P5": 1, "P6": 3, "P0CMYK": 4, "PyCMYK": 4, "PyRGBA": 4}
MAXIMA = (1, 2, 3, 7, 15, 100, 127, 254, 255, 256, 257, 1000, 1023, 4095, 32767, 65534, 65535)


def values(maximum, count):
    rng = random.Random(f"{maximum}{count}")
    return [0, maximum, maximum // 2, (maximum + 1) // 2][:count] + [rng.randint(0, maximum) for _ in range(count - 4)]


def pnm(magic, maximum, size=(7, 5), between="\n", numbers=None, after=b""):
    width, height = size
    count = width * height * CHANNELS[magic]
    numbers = (numbers or values(maximum, count))[:count]
    header = between.join((magic, str(width), str(height), str(maximum))) + "\n"
    if magic in ("P2", "P3"):
        data = between.join(str(n) for n in numbers).encode()
    else:
        data = struct.pack(f">{count}{'H' if maximum > 255 else 'B'}", *numbers)
    return header.encode() + data + after


def bits(magic, size, between="", after=b""):
    rng = random.Random(f"{size}")
    width, height = size
    lines = ["".join(rng.choice("01") for _ in range(width)) for _ in range(height)]
    header = f"{magic} {width} {height}\n".encode()
    if magic == "P1":
        return header + between.join("".join(lines)).encode() + after
    filled = [line + rng.choice("01") * (-width % 8) for line in lines]
    return header + b"".join(int(line[i:i + 8], 2).to_bytes(1, "big") for line in filled for i in range(0, len(line), 8)) + after


def floats(scale, order, size=(3, 4)):
    rng = random.Random(scale)
    numbers = [-1.0, 0.0, 0.999, 1.0, 127.5, 254.999, 255.0, 256.0, 1e30, -1e30, float("inf"), float("-inf")]
    rng.shuffle(numbers)
    return f"Pf\n{size[0]} {size[1]}\n{scale}\n".encode() + struct.pack(f"{order}{size[0] * size[1]}f", *numbers[:size[0] * size[1]])


def pictures():
    for magic, maximum in itertools.product(CHANNELS, MAXIMA):
        yield f"pnm/{magic}-{maximum}.pnm", pnm(magic, maximum)
    for magic, maximum in itertools.product(("P5", "P6"), MAXIMA):  # values above the maximum
        top = 255 if maximum < 256 else 65535
        yield f"pnm/{magic}-{maximum}-beyond.pnm", pnm(magic, maximum, numbers=values(top, 105))
    for maximum in (256, 65535):
        for name, numbers in (("all", range(0, 65536, 37)),):
            yield f"pnm/P6-{maximum}-{name}.pnm", pnm("P6", maximum, (24, 24), numbers=list(numbers)[:24 * 24 * 3])
    for magic in ("P1", "P4"):
        for size in itertools.product((1, 7, 8, 9, 16, 17), (1, 3)):
            yield f"pnm/{magic}-{size[0]}x{size[1]}.pnm", bits(magic, size)
    for name, between in (("spaces", " "), ("lines", "\n"), ("comments", " # 1 0\n"), ("returns", "\r"), ("comment-inside", "#c\n"), ("tabs", "\t\v\f")):
        yield f"pnm/P1-{name}.pnm", bits("P1", (7, 3), between)
    for name, between in (("spaces", "   "), ("returns", "\r\n"), ("tabs", "\t\v\f "), ("comments", " #  12 # 3\n"), ("comments-ended-by-return", "\n#\r"), ("empty-comments", " #\n")):
        for magic in ("P2", "P3", "P5", "P6"):
            yield f"pnm/{magic}-{name}.pnm", pnm(magic, 255, between=between)
    for magic in ("P2", "P3", "P5", "P6"):
        yield f"pnm/{magic}-more.pnm", pnm(magic, 200, after=b"\nP6 more")
    yield "pnm/P4-more.pnm", bits("P4", (9, 3), after=b"P4 9 3 more")
    yield "pnm/P1-ended.pnm", bits("P1", (9, 3), " ", after=b"\n")
    yield "pnm/P2-comment-in-a-number.pnm", b"P2 2 1 2#c\n55 1#c\n2#d\r3 45#e\n"
    yield "pnm/P5-comment-in-a-size.pnm", b"P5 1#c\n0 1 255\n0123456789"
    yield "pnm/P5-white-space-as-data.pnm", b"P5 4 1 255\n\n \r#"
    yield "pnm/P5-one-white-space.pnm", b"P5\t2\v1\f255\r\n\n"
    yield "pnm/P0CMYK-without-space.pnm", b"P0CMYK2 1 255\n12345678"
    yield "pnm/P2-zeros.pnm", b"P2 0002 01 000255\n0000000001 00002\n"
    for scale, order in (("-1.0", "<"), ("1.0", ">"), ("-0.5", "<"), ("3e2", ">"), ("-7", "<")):
        yield f"pnm/Pf{scale}.pfm", floats(scale, order)
    yield "pnm/Pf-no-number.pfm", b"Pf 2 1 -1\n" + struct.pack("<2f", float("nan"), 3)
    for size in ((1, 1), (1, 9), (300, 2)):
        for magic in ("P2", "P3", "P5", "P6"):
            yield f"pnm/{magic}-{size[0]}x{size[1]}.pnm", pnm(magic, 255, size)
