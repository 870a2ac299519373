"""ICC profiles made byte by byte: a matrix and curves."""

import struct

import numpy as np

from scenes.pictures.primaries import KNOWN

# Colorants relative to D50, as the profiles of these names hold them.
COLORANTS = {
    "sRGB": ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)),
    "Display P3": ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)),
    "Adobe RGB": ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)),
}
SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + struct.pack(
    ">5i", *(round(each * 65536) for each in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
assert set(COLORANTS) - {"sRGB"} <= set(KNOWN)


def power_curve(exponent):
    return b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(exponent * 256))


def table_curve(values):
    values = np.rint(np.asarray(values) * 65535).astype(int)
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)


def xyz(values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(each * 65536) for each in values))


def profile(tags, space=b"RGB ", connection=b"XYZ "):
    """A display profile of version 2."""
    place = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = bytearray(128)
    struct.pack_into(
        ">I4sI4s4s4s", header, 0, place + len(body), b"none", 2 << 24, b"mntr", space, connection
    )
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(header) + table + body


def description(text):
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text.encode() + bytes(1 + 78)


def matrix_profile(colorants, curve=None, blue=None, name=None):
    if curve is None:
        curve = power_curve(563 / 256) if colorants == "Adobe RGB" else SRGB_CURVE
    tags = {
        b"desc": description(name or colorants),
        b"wtpt": xyz((0.9642, 1, 0.8249)),
        b"cprt": description("-"),
    }
    tags |= {each + b"TRC": curve for each in (b"r", b"g", b"b")}
    tags |= {b"bTRC": blue} if blue else {}
    columns = zip((b"rXYZ", b"gXYZ", b"bXYZ"), COLORANTS[colorants], strict=True)
    return profile(tags | {each: xyz(values) for each, values in columns})


def grey_profile(curve, connection=b"XYZ "):
    tags = {b"desc": description("grey"), b"wtpt": xyz((0.9642, 1, 0.8249)), b"kTRC": curve}
    return profile(tags, b"GRAY", connection)
