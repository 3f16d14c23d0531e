"""The decoder of picture files: what it takes, what it remarks on, what it refuses."""

import io
import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps, features

from fer_bench.datasets import pictures
from fer_bench.datasets.folder import is_picture
from fer_bench.datasets.overhearing import overheard
from fer_bench.datasets.pictures import decode

HALVES = np.zeros((40, 20), np.uint8)
HALVES[:20] = 255


def encoded(image: NDArray[np.uint8] | NDArray[np.uint16], ending: str = ".jpg") -> bytes:
    return bytes(cv2.imencode(ending, image)[1].tobytes())


def saved(image: Image.Image, kind: str, frames: tuple[Image.Image, ...] = ()) -> bytes:
    stream = io.BytesIO()
    if frames:
        image.save(stream, kind, save_all=True, append_images=frames)
    else:
        image.save(stream, kind)
    return stream.getvalue()


def with_orientation(data: bytes, orientation: int) -> bytes:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0\0\0\0\0\0"
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]


def test_a_plain_picture_is_decoded_without_a_word() -> None:
    picture = decode(encoded(HALVES), "a.jpg")
    assert picture.remark == ""
    assert picture.image.dtype == np.uint8
    assert np.abs(picture.image.astype(int) - HALVES).max() < 10


def test_the_exif_orientation_is_applied_and_remarked() -> None:
    lying = encoded(np.ascontiguousarray(np.rot90(HALVES)))
    assert decode(lying, "a.jpg").image.shape == (20, 40)
    shown = decode(with_orientation(lying, 6), "b.jpg")  # "rotate by 90 degrees clockwise to show"
    assert shown.remark == "turned as its EXIF orientation says"
    assert shown.image.shape == (40, 20)
    assert shown.image[:15].min() > 240
    assert shown.image[25:].max() < 15
    assert decode(with_orientation(lying, 1), "c.jpg").remark == ""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_shown_as_other_programs_show_it(orientation: int) -> None:
    image = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((8, 8), np.uint8))
    data = with_orientation(encoded(image), orientation)
    picture = decode(data, "a.jpg")
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))), int)
    assert picture.image.shape == wanted.shape
    assert np.abs(picture.image - wanted).max() <= 2
    assert (picture.remark == "") == (orientation == 1)


def test_a_photograph_with_a_second_picture_behind_it_is_the_first_one() -> None:
    """Telephones write a depth map or a preview there (MPO), in a file named .jpg."""
    image = Image.fromarray(HALVES)
    data = with_orientation(saved(image, "MPO", (image.rotate(180),)), 1)
    assert Image.open(io.BytesIO(data)).n_frames == 2
    picture = decode(data, "a.jpg")
    assert picture.remark == ""
    assert np.abs(picture.image.astype(int) - HALVES).max() < 10


def test_colour_becomes_gray_by_luminance() -> None:
    blue, green = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    blue[..., 0], green[..., 1] = 255, 255
    shades = [decode(encoded(image, ".png"), "a.png").image[0, 0] for image in (blue, green)]
    assert np.abs(np.array(shades, int) - [29, 150]).max() <= 1


def test_cmyk_becomes_the_gray_of_its_colours() -> None:
    rgb = Image.new("RGB", (32, 32), (200, 60, 30))
    picture = decode(saved(rgb.convert("CMYK"), "JPEG"), "a.jpg")
    assert picture.remark == "CMYK, made gray"
    assert np.abs(picture.image.astype(int) - np.asarray(rgb.convert("L")).astype(int)).max() <= 4


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "TIFF")])
def test_what_is_transparent_is_remarked_but_not_an_alpha_channel_that_hides_nothing(mode: str, kind: str) -> None:
    picture = Image.merge("LA", [Image.fromarray(HALVES), Image.new("L", HALVES.shape[::-1], 255)])
    for hides in (False, True):
        if hides:
            picture.putpixel((0, 0), (255, 127))
        found = decode(saved(picture.convert("RGBA").convert(mode), kind), f"a.{kind.lower()}")
        assert found.remark == ("transparent in places, read as if opaque" if hides else "")
        assert np.abs(found.image[:, 1:].astype(int) - HALVES[:, 1:]).max() <= 1


@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_sixteen_bits_become_eight(ending: str) -> None:
    deep = (HALVES.astype(np.uint16) << 8) | 37
    picture = decode(encoded(deep, ending), f"a{ending}")
    assert picture.remark == "16 bits a pixel, made 8"
    assert (picture.image == HALVES).all()


@pytest.mark.parametrize("ending", [".png", ".tiff", ".pgm"])
def test_sixteen_bits_that_hold_values_of_fewer_would_be_black(ending: str) -> None:
    for factor, bits in ((1, 8), (4, 12), (16, 12)):
        with pytest.raises(ValueError, match=f"16 bits a pixel that hold no more than {bits} bits do: it would be bla"):
            decode(encoded(HALVES.astype(np.uint16) * np.uint16(factor), ending), f"a{ending}")


@pytest.mark.parametrize("ending", [".png", ".tiff", ".ppm"])
def test_sixteen_bits_of_colours_are_remarked_too(ending: str) -> None:
    deep = np.repeat(((HALVES.astype(np.uint16) << 8) | 37)[..., None], 3, axis=2)
    picture = decode(encoded(deep, ending), f"a{ending}")
    assert picture.remark == "16 bits a pixel, made 8"
    assert np.abs(picture.image.astype(int) - HALVES).max() <= 1
    assert decode(encoded(np.repeat(HALVES[..., None], 3, axis=2), ending), f"a{ending}").remark == ""


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_orientation_of_other_formats_is_remarked_too(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(HALVES))).save(stream, kind, exif=exif, lossless=True)
    picture = decode(stream.getvalue(), f"a.{kind.lower()}")
    assert picture.remark == "turned as its EXIF orientation says"
    assert picture.image.shape == (40, 20)
    assert picture.image[0, 0] == 255
    assert decode(saved(Image.fromarray(HALVES), kind), f"a.{kind.lower()}").remark == ""


@pytest.mark.parametrize("kind", ["P2", "P5"])
def test_a_pgm_has_the_values_of_8_or_16_bits(kind: str) -> None:
    def pgm(white: int, value: int) -> bytes:
        text = " ".join([str(value)] * 4).encode() + b"\n"
        raw = np.full(4, value, ">u2" if white > 255 else np.uint8).tobytes()
        return f"{kind}\n# by hand\n2 2\n{white}\n".encode() + (text if kind == "P2" else raw)

    assert decode(pgm(255, 200), "a.pgm") == (pytest.approx(np.full((2, 2), 200)), "")
    assert decode(pgm(65535, 51400), "a.pgm") == (pytest.approx(np.full((2, 2), 200)), "16 bits a pixel, made 8")
    for white, value in ((1023, 800), (15, 12)):
        with pytest.raises(ValueError, match=rf"values up to {white:,}, expected 255 or 65,535; save it as PNG"):
            decode(pgm(white, value), "a.pgm")


@pytest.mark.parametrize("ending", [".jpg", ".jpe", ".JPEG", ".jfif", ".ppm", ".pgm"])
def test_every_ending_of_a_format_is_its_own(ending: str) -> None:
    assert is_picture(f"a{ending}")
    picture = decode(encoded(HALVES, ".jpg" if ending[1] in "jJ" else ".pgm"), f"a{ending}")
    assert (picture.image.shape, picture.remark) == (HALVES.shape, "")


def test_a_wrong_ending_is_remarked() -> None:
    assert decode(encoded(HALVES, ".png"), "a.jpg").remark == "a PNG in spite of its name"
    assert decode(encoded(HALVES), "a.png").remark == "a JPEG in spite of its name"
    assert decode(encoded(HALVES), "a.JPEG").remark == ""


@pytest.mark.parametrize(("kind", "feature"), [("AVIF", "avif"), ("JPEG2000", "jpg_2000")])
def test_a_format_that_has_no_ending_here_is_remarked_too(kind: str, feature: str) -> None:
    if not features.check(feature):
        pytest.skip(f"this Pillow writes no {kind}")
    assert decode(saved(Image.fromarray(HALVES), kind), "a.jpg").remark == f"a {kind} in spite of its name"


def test_an_avif_that_is_to_be_shown_turned_is_refused() -> None:
    if not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(HALVES).save(stream, "AVIF", exif=exif)
    with pytest.raises(ValueError, match=r"an AVIF whose face would lie on its side, .*; save it as PNG"):
        decode(stream.getvalue(), "a.jpg")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_is_refused(kind: str) -> None:
    image = Image.fromarray(HALVES)
    with pytest.raises(ValueError, match="an animation or a document of 2 pictures"):
        decode(saved(image, kind, (image.rotate(180),)), f"a.{kind.lower()}")


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_an_enormous_picture_is_refused_before_it_is_decoded(ending: str) -> None:
    with pytest.raises(ValueError, match=r"enormous \(9,000 x 9,000 pixels\); pictures of at most 67 million"):
        decode(encoded(np.zeros((9000, 9000), np.uint8), ending), f"a{ending}")


def test_what_the_header_does_not_say_opencv_still_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bounded:
        IMREAD_GRAYSCALE = 0
        error = cv2.error

        @staticmethod
        def imdecode(data: object, flags: int) -> None:
            error = cv2.error("assertion")
            error.err = "pixels <= CV_IO_MAX_IMAGE_PIXELS"
            raise error

    monkeypatch.setattr(pictures, "opencv", lambda: Bounded)
    with pytest.raises(ValueError, match="enormous; pictures of at most 67 million"):
        decode(encoded(HALVES), "a.jpg")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"the picture file is empty \(0 bytes\)"),
        (encoded(np.zeros((64, 64), np.uint8))[:200], "the JPEG is cut short"),
        (encoded(np.zeros((64, 64), np.uint8), ".png")[:-20], "no picture that can be decoded|damaged"),
        (b"<html>404</html>", r"no picture that can be decoded \(16 bytes, the first are 3c 68 74 6d\)"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(data, "a.jpg")


def test_an_animation_cut_short_is_refused_wherever_it_is_cut() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 40, 40), np.uint8)
    first, *others = (Image.fromarray(frame) for frame in noise)
    data = saved(first, "GIF", tuple(others))
    for end in range(1, len(data)):
        with pytest.raises(ValueError, match="picture"):
            decode(data[:end], "a.gif")


@pytest.mark.parametrize("error", [IndexError("index out of range"), RuntimeError(), NotImplementedError("DDS")])
def test_whatever_pillow_raises_is_a_reason(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(stream: object) -> None:
        raise error

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(ValueError, match=rf"the picture is damaged \({str(error) or 'RuntimeError'}\)"):
        decode(encoded(HALVES, ".png"), "a.png")


def with_chunk(content: bytes) -> bytes:
    plain = encoded(HALVES, ".png")
    chunk = (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    after_ihdr = plain.index(b"IHDR") + 4 + 13 + 4
    return plain[:after_ihdr] + chunk + plain[after_ihdr:]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's process may have threads of its own, those of pytest-xdist."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


@pytest.mark.usefixtures("alone")
def test_what_a_decoder_prints_is_said_with_the_picture(capfd: pytest.CaptureFixture[str]) -> None:
    """Not on stderr, without its name."""
    warning, damaged = with_chunk(b"tIME12"), bytearray(encoded(HALVES, ".png"))
    damaged[damaged.index(b"IDAT") + 8] ^= 255
    for _ in range(2):
        picture = decode(warning, "a.png")
        np.testing.assert_array_equal(picture.image, HALVES)
        assert picture.remark == "decoded, its decoder says: libpng warning: tIME: too short"
        with pytest.raises(ValueError, match=r"no picture that can be decoded .*; libpng error: IDAT: "):
            decode(bytes(damaged), "a.png")
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("alone")
def test_a_header_that_libjpeg_finds_odd_is_no_nameless_line_either(capfd: pytest.CaptureFixture[str]) -> None:
    odd = encoded(HALVES).replace(b"JFIF\0\x01", b"JFIF\0\x09")
    assert decode(odd, "a.jpg").remark == ""
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("alone")
def test_what_others_print_while_a_picture_is_decoded_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with overheard() as said:
        os.write(2, b"\r 10 %libpng warning: bKGD: invalid\nother words\nlibpng warning: bKGD: invalid\nend")
    assert said == ["libpng warning: bKGD: invalid"]
    assert capfd.readouterr().err == "\r 10 %other words\nend"
    with overheard() as said:
        pass
    assert (said, capfd.readouterr().err) == ([], "")


def test_beside_other_threads_stderr_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    """As in predict, whose threads share it."""
    with ThreadPoolExecutor(1) as pool:
        remark = pool.submit(lambda: decode(with_chunk(b"tIME12"), "a.png").remark).result()
    assert remark == ""
    assert "libpng warning: tIME: too short" in capfd.readouterr().err


def test_a_wrong_colour_profile_is_no_nameless_line_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    picture = decode(with_chunk(b"iCCP" + b"profile\0\0" + zlib.compress(b"wrong")), "a.png")
    assert picture.remark == ""
    np.testing.assert_array_equal(picture.image, HALVES)
    assert capfd.readouterr().err == ""


def _photograph() -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", cv2.GaussianBlur(noise, (0, 0), 2))[1].tobytes()


def test_a_jpeg_that_ends_early_is_refused_and_nothing_else_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    """OpenCV fills the rest with gray, and libjpeg tells nobody but stderr."""
    data = _photograph()
    for cut in (data[: len(data) // 2] + b"\xff\xd9", data[:-60] + b"\xff\xd9"):
        with pytest.raises(ValueError, match=r"JPEG is damaged, part of it would be gray .*premature end of data"):
            decode(cut, "a.jpg")
    assert capfd.readouterr().err == ""


def test_a_jpeg_with_damage_in_the_middle_is_refused() -> None:
    data = _photograph()
    middle = len(data) // 2
    cut = data[:middle] + b"\xff\x00" * 30 + data[middle + 60 :]
    with pytest.raises(ValueError, match=r"JPEG is damaged, .*bad Huffman code"):
        decode(cut, "a.jpg")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    parts = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_RST_INTERVAL, 4])[1].tobytes()
    assert decode(parts, "a.jpg").remark == ""
    start, end = parts.index(b"\xff\xd2"), parts.index(b"\xff\xd3")
    with pytest.raises(ValueError, match=r"JPEG is damaged, .*found marker 0xd3 instead of RST2"):
        decode(parts[:start] + parts[end:], "a.jpg")


def test_a_small_cut_jpeg_with_a_whole_thumbnail_is_refused() -> None:
    """The thumbnail's end is so near to the file's that it could be the picture's."""
    segment = b"Exif\0\0" + encoded(HALVES[:8, :8])
    picture = encoded(np.random.default_rng(0).integers(0, 256, (24, 24), np.uint8))
    whole = picture[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + picture[2:]
    assert decode(whole, "a.jpg").image.shape == (24, 24)
    with pytest.raises(ValueError, match=r"JPEG is damaged, part of it would be gray|JPEG is cut short"):
        decode(whole[:-150], "a.jpg")


def test_a_jpeg_with_bytes_left_over_is_remarked_and_a_few_mean_nothing() -> None:
    data = _photograph()
    left_over = data[:-2] + bytes(range(1, 60)) + data[-2:]
    assert decode(left_over, "a.jpg").remark == "may be damaged, bytes are left over behind its pixels"
    for harmless in (data, data + b"behind the end", data[:-2] + bytes(4) + data[-2:]):
        picture = decode(harmless, "a.jpg")
        assert picture.remark == ""
        np.testing.assert_array_equal(picture.image, decode(data, "a.jpg").image)


def test_a_jpeg_of_four_colours_is_none_that_is_damaged() -> None:
    stream = io.BytesIO()
    Image.new("CMYK", (40, 30), (10, 60, 20, 5)).save(stream, "JPEG")
    assert "damaged" not in decode(stream.getvalue(), "a.jpg").remark


def test_a_cut_jpeg_with_a_whole_thumbnail_is_refused() -> None:
    thumbnail, picture = encoded(HALVES[:8, :8]), encoded(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    segment = b"Exif\0\0" + thumbnail
    whole = picture[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + picture[2:]
    assert decode(whole, "a.jpg").image.shape == (64, 64)
    assert decode(whole + bytes(5000), "a.jpg").image.shape == (64, 64)  # Some programs pad.
    with pytest.raises(ValueError, match="the JPEG is cut short"):
        decode(whole[: len(whole) - 1000], "a.jpg")


@given(st.sampled_from([".jpg", ".png", ".bmp", ".webp"]), st.integers(0, 2000), st.binary(max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_damage_gives_a_picture_or_a_reason(ending: str, position: int, noise: bytes) -> None:
    data = bytearray(encoded(HALVES, ending))
    position %= len(data)
    data[position : position + len(noise)] = noise
    reason = ""
    try:
        picture = decode(bytes(data), f"a{ending}")
    except ValueError as error:
        reason = str(error).strip()
    assert picture.image.ndim == 2 if not reason else "\n" not in reason
