"""Picture files made byte by byte, with what no writer at hand can write."""

import struct
import zlib

import numpy as np
import OpenEXR

PNG_TYPES = {1: 0, 3: 2, 2: 4, 4: 6}
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
ADAM7 += [(1, 0, 2, 1)]


def chunk(name, body=b""):
    crc = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)


def paeth(left, up, corner):
    guess = left + up - corner
    distances = (abs(guess - left), abs(guess - up), abs(guess - corner))
    return (left, up, corner)[distances.index(min(distances))]


def filtered(raw, before, step, kind):
    """A line of bytes as PNG's filter `kind` stores it."""
    left = bytes(step) + raw[:-step]
    corner = bytes(step) + before[:-step]
    around = list(zip(left, before, corner, strict=True))
    guesses = {
        0: bytes(len(raw)),
        1: left,
        2: before,
        3: [(a + b) // 2 for a, b, _ in around],
        4: [paeth(*each) for each in around],
    }[kind]
    return bytes([kind]) + bytes((x - g) % 256 for x, g in zip(raw, guesses, strict=True))


def scanlines(samples, bits):
    """Filtered lines of (H, W, C) samples, one filter after the other."""
    channels = samples.shape[2]
    step = max(1, channels * bits // 8)
    out, before = b"", None
    for number, line in enumerate(samples):
        if bits == 16:
            raw = line.astype(">u2").tobytes()
        elif bits == 8:
            raw = line.astype(np.uint8).tobytes()
        else:
            spread = (line.reshape(-1, 1) >> np.arange(bits)[::-1]) & 1
            raw = np.packbits(spread.ravel().astype(np.uint8)).tobytes()
        out += filtered(raw, before or bytes(len(raw)), step, number % 5)
        before = raw
    return out


def png(samples, bits=8, *, colour_type=None, extra=(), interlaced=False):
    """A PNG of (H, W, C) samples; `extra` are (name, body) before the pixels."""
    samples = np.asarray(samples)
    height, width, channels = samples.shape
    kind = PNG_TYPES[channels] if colour_type is None else colour_type
    if interlaced:
        passes = [samples[r::rs, c::cs] for r, c, rs, cs in ADAM7]
        lines = b"".join(scanlines(each, bits) for each in passes if each.size)
    else:
        lines = scanlines(samples, bits)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *(chunk(*each) for each in extra),
            chunk(b"IDAT", zlib.compress(lines)),
            chunk(b"IEND"),
        ]
    )


def exif(orientation=1):
    """TIFF-style EXIF data with an orientation alone."""
    return (
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01"
        + struct.pack(">HH", orientation, 0)
        + (b"\0\0\0\0")
    )


def write_exr(path, channels, **header):
    """One part."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage} | header
    OpenEXR.File(header, as_channels(channels)).write(str(path))


def write_parts(path, parts):
    """Several parts: name → channels, or (channels, header)."""
    made = []
    for name, part in parts.items():
        channels, header = part if isinstance(part, tuple) else (part, {})
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage} | header
        made.append(OpenEXR.Part(header, as_channels(channels), name))
    OpenEXR.File(made).write(str(path))


def as_channels(channels):
    return {
        name: values
        if getattr(values, "dtype", None) in (np.uint32, np.float16)
        else np.asarray(values, np.float32)
        for name, values in channels.items()
    }


def attribute(name, kind, body):
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(body)) + body


def raw_exr(channels, *, flags=0, extra=b"", tiles=b"", chunks=(), window=(0, 0, 3, 3)):
    """An uncompressed EXR with channels (name, kind, sampling), and chunks as they are given."""
    listed = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", kind, 0, sampling, sampling)
        for name, kind, sampling in channels
    )
    box = struct.pack("<4i", *window)
    header = b"".join(
        [
            b"\x76\x2f\x31\x01" + struct.pack("<I", 2 | flags),
            attribute("channels", "chlist", listed + b"\0"),
            attribute("compression", "compression", b"\0"),
            attribute("dataWindow", "box2i", box),
            attribute("displayWindow", "box2i", box),
            attribute("lineOrder", "lineOrder", b"\0"),
            attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
            attribute("screenWindowCenter", "v2f", bytes(8)),
            attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
            tiles,
            extra,
            b"\0",
        ]
    )
    place = len(header) + 8 * len(chunks)
    table = b""
    for each in chunks:
        table += struct.pack("<Q", place)
        place += len(each)
    return header + table + b"".join(chunks)
