"""One picture file's bytes to a gray array: the one decoder of every dataset, and what it refuses or remarks on.

OpenCV everywhere, so that the same bytes give the same pixels whatever the layout they were found in. Pillow reads the
headers of the files that may be more than a plain JPEG; it decodes nothing. simplejpeg tells what libjpeg makes of the
pixels of a JPEG, which OpenCV keeps to itself; it gives none either.
"""

import contextlib
import functools
import io
import os
import re
from pathlib import PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.overhearing import overheard

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 1 << 26
"""Largest picture that is decoded, 67 million pixels: a few bytes of a compressed file can ask for gigabytes."""

_PASSED_OVER = frozenset({0xC4, 0xDB, 0xDD, 0xE0, *range(0xE2, 0xF0), 0xFE})
"""Markers of the segments of a JPEG before its frame that say nothing that matters here; 0xE1 may be EXIF."""
_BASELINE = 0xC0
_ENDINGS = {
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "PPM": (".pgm", ".ppm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
_DEEP = "16 bits a pixel, made 8"
_DARK = 16
"""What is darker everywhere is black to the eye; the values of 10 or 12 bits become that where 16 were expected."""
_END = b"\xff\xd9"
_PADDING = 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112
_BITS = 258
"""Tag of a TIFF: bits of each channel."""
_DAMAGE = re.compile(
    r"premature end of data segment|Premature end of JPEG file|bad Huffman code|bad arithmetic code"
    r"|found marker 0x[0-9a-f]{2} instead of RST\d"
)
"""What libjpeg says of a JPEG that it can only fill up with gray. Its other words are of headers, and harmless."""
_LEFT = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_FEW = 8
"""Bytes left over behind the pixels that mean nothing."""
_SPACE = rb"(?:\s|#[^\n]*\n)+"
_NETPBM = re.compile(rb"P[2356]" + _SPACE + rb"\d+" + _SPACE + rb"\d+" + _SPACE + rb"(\d{1,9})\s")
"""The header of a PGM or PPM, up to the value that stands for white."""


class Picture(NamedTuple):
    """A decoded picture."""

    image: NDArray[np.uint8]
    """Gray, (height, width), its EXIF orientation applied."""
    remark: str
    """What was done to it beyond plain decoding, for people; empty for most."""


def decode(data: bytes, name: str) -> Picture:
    """Decode a picture file to gray.

    CMYK becomes gray by luminance, 16 bits become 8, a picture is turned as its EXIF orientation says, and what is
    transparent is taken in the colour that the file has there, black or whatever was cut away: each with a remark. A
    file whose ending belongs to another format is decoded by its content, with a remark; so is a JPEG with bytes left
    over behind its pixels, which may be damaged.

    Args:
        data: the whole file.
        name: of the file, for its ending.

    Raises:
        ValueError: the file is empty, cut short, a JPEG that is damaged so that a part of it would be gray, animated,
            larger than :data:`MAX_PIXELS`, a PGM of other than 8 or 16 bits, a picture of 16 bits that would be black,
            an AVIF that is to be shown turned, or no picture that OpenCV reads; the message is the reason, without the
            name.
    """
    if not data:
        raise ValueError("the picture file is empty (0 bytes)")
    data = _without_profile(data)
    jpeg = data.startswith(b"\xff\xd8")
    # Some OpenCV versions fill the missing rest with gray and say nothing.
    if jpeg and not _is_whole(data):
        raise ValueError(f"the JPEG is cut short ({len(data):,} bytes, no end marker)")
    plain = jpeg and _is_plain(data) and (name.endswith(".jpg") or name.lower().endswith(_ENDINGS["JPEG"]))
    remark = "" if plain else _look(data, name)
    doubt = _doubt(data) if jpeg else ""
    cv2 = opencv()
    try:
        # Of a JPEG without a doubt nothing is said, and looking whether anything was takes time.
        with contextlib.nullcontext(list[str]()) if doubt is None else overheard() as said:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:
        raise ValueError(_too_large() if "MAX_IMAGE_PIXELS" in error.err else f"no picture ({error.err})") from None
    if image is None:
        found = "; ".join([f"{len(data):,} bytes, the first are {data[:4].hex(' ')}", *said])
        raise ValueError(f"no picture that can be decoded ({found})")
    if said and not jpeg:  # Of a JPEG it has been judged.
        doubt = f"decoded, its decoder says: {'; '.join(said)}"
    remark = ", ".join(filter(None, (remark, doubt)))
    if _DEEP in remark and image.max() < _DARK:
        bits = 8 if image.max() <= 1 else 12
        raise ValueError(
            f"16 bits a pixel that hold no more than {bits} bits do: it would be black; save it with 8 bits a pixel"
        )
    return Picture(image, remark)


def _without_profile(data: bytes) -> bytes:
    """Return a PNG without its colour profile, which changes no gray; any other file as it is.

    Photoshop and others write profiles that libpng finds wrong: it says so on stderr, and not of which file.
    """
    if not data.startswith(_PNG):
        return data
    at = len(_PNG)
    while (kind := data[at + 4 : at + 8]) != b"IDAT" and len(kind) == 4:
        following = at + 12 + int.from_bytes(data[at : at + 4])
        if kind == b"iCCP":
            return data[:at] + data[following:]
        at = following
    return data


def _doubt(data: bytes) -> str | None:
    """Return a remark on a JPEG that may be damaged, empty where what libjpeg says is harmless, or else ``None``.

    Raises:
        ValueError: it is damaged.
    """
    import simplejpeg

    try:
        # An eighth of the size: the compressed data are read all the same, and that is where damage shows.
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=1, strict=True)
    except ValueError as error:  # Also where it cannot give gray, as of CMYK, or where OpenCV is to say what is wrong.
        said = str(error)
        if found := _DAMAGE.search(said):
            raise ValueError(f"the JPEG is damaged, part of it would be gray (libjpeg: {found[0]})") from None
        if (found := _LEFT.search(said)) and int(found[1]) > _FEW:
            return "may be damaged, bytes are left over behind its pixels"
        return ""
    return None


def _is_whole(data: bytes) -> bool:
    """Whether a JPEG has its end marker, were it followed by some padding."""
    if data.endswith(_END) or data.find(_END, -_PADDING) >= 0:
        return True
    # Compressed data never holds either marker: an end before the last start of a scan belongs to a thumbnail.
    return data.rfind(_END) > data.rfind(b"\xff\xda")


def _is_plain(data: bytes) -> bool:
    """Whether a JPEG has nothing that a look at its header would find: reading that would cost more than decoding.

    Baseline, gray or of three colours, no more pixels than are decoded, no EXIF.
    """
    at = 2
    try:
        while data[at] == 0xFF:
            marker = data[at + 1]
            if marker == _BASELINE:
                pixels = (data[at + 5] << 8 | data[at + 6]) * (data[at + 7] << 8 | data[at + 8])
                return pixels <= MAX_PIXELS and data[at + 9] <= 3
            if marker not in _PASSED_OVER:
                return False
            at += 2 + (data[at + 2] << 8 | data[at + 3])
    except IndexError:
        pass
    return False


def _look(data: bytes, name: str) -> str:
    import warnings

    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = Image.open(io.BytesIO(data))
            width, height = header.size
            if width * height > MAX_PIXELS:
                raise ValueError(_too_large(f" ({width:,} x {height:,} pixels)"))
            frames = 1 if header.format in (None, "MPO") else getattr(header, "n_frames", 1)
            # Pillow decodes a whole PNG to look for an orientation behind the pixels.
            turned = header.format != "PNG" or b"eXIf" in data
            orientation = header.getexif().get(_ORIENTATION, 1) if turned else 1
            deep = _is_deep(header, data)
    except Image.DecompressionBombError:
        raise ValueError(_too_large()) from None
    except UnidentifiedImageError:
        return ""  # OpenCV decides.
    except ValueError:
        raise
    except Exception as error:  # Pillow's readers raise whatever a damaged file leads them to.
        raise ValueError(f"the picture is damaged ({str(error) or type(error).__name__})") from None
    if frames > 1:
        raise ValueError(f"an animation or a document of {frames} pictures, expected one picture")
    turned_here = orientation in range(2, 9)
    if turned_here and header.format == "AVIF":
        raise ValueError("an AVIF whose face would lie on its side, since OpenCV does not turn it; save it as PNG")
    remarks = []
    if header.mode == "CMYK":
        remarks.append("CMYK, made gray")
    if deep:
        remarks.append(_DEEP)
    if header.has_transparency_data and _has_holes(data):
        remarks.append("transparent in places, read as if opaque")
    if turned_here:
        remarks.append("turned as its EXIF orientation says")
    ending = PurePosixPath(name).suffix.lower()
    if ending not in _ENDINGS.get(header.format or "", ()):
        remarks.append(f"a {header.format} in spite of its name")
    return ", ".join(remarks)


def _has_holes(data: bytes) -> bool:
    """Whether anything of a picture with an alpha channel is transparent; many programs write one that hides nothing.

    Not told of a gray PNG whose transparency is one value of gray, for which OpenCV makes no alpha channel.
    """
    cv2 = opencv()
    try:
        with overheard():  # The decoding proper is told it again.
            whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # The decoding proper says what is wrong.
        return False
    if whole is None or whole.ndim < 3 or whole.shape[2] != 4:
        return False
    return bool(whole[..., 3].min() < np.iinfo(whole.dtype).max)


def _is_deep(header: "Image.Image", data: bytes) -> bool:
    """Whether a picture has 16 bits a channel, which Pillow's mode does not say of one in colours.

    Raises:
        ValueError: OpenCV would not scale its values to those of 8 bits.
    """
    if header.format == "PNG":
        return data[24:25] == b"\x10"
    if header.format == "TIFF":
        return any(bits > 8 for bits in getattr(header, "tag_v2", {}).get(_BITS, ()))
    if found := _NETPBM.match(data):
        white = int(found[1])
        if white not in (255, 65535):
            raise ValueError(f"a PGM or PPM with values up to {white:,}, expected 255 or 65,535; save it as PNG")
        return white > 255
    return header.mode.startswith(("I", "F"))


def _too_large(found: str = "") -> str:
    return f"enormous{found}; pictures of at most {MAX_PIXELS / 1e6:.0f} million pixels are decoded"


def settle_opencv() -> None:
    """Make the settings that OpenCV reads when it is loaded, be it by another package: Keras does that."""
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
    # It prints a line without a name for each picture that it refuses; ours say the name.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")


@functools.cache
def opencv() -> ModuleType:
    """Return OpenCV, told not to decode what would fill the memory."""
    settle_opencv()
    import cv2

    return cv2
