"""Where pictures come from: files, folders, lists of paths, arrays; each is loaded when its turn comes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.folder import Folder, is_picture, is_visible, note_of_others, shown
from fer_bench.datasets.pictures import Picture, decode, opencv
from fer_bench.errors import FerBenchError
from fer_bench.messages import say, warn

Image = str | Path | NDArray[np.uint8]
"""Path of a picture file, or its pixels: uint8, (height, width) gray or (height, width, 3) RGB."""

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """One picture, not loaded yet."""

    name: str
    load: Callable[[], Picture]
    """Returns it gray. Raises ValueError where it cannot be decoded, OSError or FerBenchError where it cannot be
    read."""


def from_images(images: Iterable[Image]) -> Iterator[Source]:
    """Yield a source for each path or array. Arrays are copied as they are drawn, so that they may be filled anew.

    Raises:
        FerBenchError: an array is not uint8 of a shape that :data:`Image` names.
    """
    for number, image in enumerate(images):
        if isinstance(image, str | Path):
            yield _of_file(Path(image))
            continue
        shape, dtype = np.shape(image), getattr(image, "dtype", type(image).__name__)
        if dtype != np.uint8 or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3) or 0 in shape:
            raise FerBenchError(
                f"image {number}: {dtype} of shape {shape}, expected a path, or uint8 (height, width) gray or "
                "(height, width, 3) RGB"
            )
        yield _of_array(image, f"image {number}")


def from_arguments(arguments: Sequence[str], lines: Iterable[str]) -> tuple[Iterator[Source], int | None]:
    """Return the pictures that the command's arguments name, and their number where it is known.

    A folder stands for the picture files in it and below, in a fixed order; links to folders, and links that lead out
    of it, are not followed. ``-`` stands for the paths on standard input, one a line.

    Args:
        arguments: files, folders, or ``-`` alone.
        lines: standard input.

    Raises:
        FerBenchError: a single argument is no file or folder, one is empty, or a folder holds no picture or cannot be
            listed. Of several, one that is missing becomes a source that cannot be read: the others are answered.
    """
    if STDIN in arguments:
        if len(arguments) > 1:
            raise FerBenchError("'-' reads the paths of all pictures from standard input; name no other beside it")
        return (_of_listed(Path(line.rstrip("\r\n"))) for line in lines if line.strip()), None
    if "" in arguments:  # As a path it would be the current folder.
        raise FerBenchError("an empty path among the pictures; name files, folders, or '-'")
    sources: list[Source] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            folder = Folder(path)
            below = [_of_member(folder, name) for name in _pictures_below(folder)]
            if not below:
                raise FerBenchError(f"{path}: no picture files in this folder or below (jpg, png, webp, bmp, tif, ...)")
            sources += below
        elif path.exists() or len(arguments) > 1:
            sources.append(_of_file(path))
        else:
            raise FerBenchError(f"{path}: no such file or folder; expected pictures, a folder of them, or '-'")
    return iter(sources), len(sources)


def _of_file(path: Path) -> Source:
    return Source(str(path), lambda: decode(path.read_bytes(), path.name))


def _of_listed(path: Path) -> Source:
    """Return the source of a path from a list: a pipe in it, which one would wait for, is nobody's wish."""

    def load() -> Picture:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise FerBenchError("neither a file nor a folder")
        return _of_file(path).load()

    return Source(str(path), load)


def _of_member(folder: Folder, relative: str) -> Source:
    path = folder.root / relative

    def load() -> Picture:
        try:
            content = folder.read(relative)
        except FerBenchError as error:
            if path.is_symlink():
                raise FerBenchError("a link out of the folder, not followed; name the picture itself") from error
            raise
        return decode(content, relative)

    return Source(str(path), load)


def _of_array(image: NDArray[np.uint8], name: str) -> Source:
    if image.ndim == 2:
        gray = np.array(image, order="C")
    else:
        cv2 = opencv()
        gray = np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)
    return Source(name, lambda: Picture(gray, ""))


def _pictures_below(folder: Folder) -> Iterator[str]:
    """Yield the picture files of a folder and of those below it, sorted; without hidden ones.

    Links to folders are not followed, which is said: they may lead anywhere, and back. It is said, too, which files are
    not read, such as photographs in a format that OpenCV does not know.
    """
    others: list[str] = []
    for place, folders, files in os.walk(folder.root, onerror=_unlistable):
        folders[:] = sorted(filter(is_visible, folders))
        for link in (path for name in folders if (path := Path(place, name)).is_symlink()):
            warn(f"{shown(str(link))}: a link to a folder, not followed; name the folder itself to have its pictures")
        relative = os.path.relpath(place, folder.root)
        before = "" if relative == "." else f"{relative}{os.sep}".replace(os.sep, "/")
        visible = sorted(filter(is_visible, files))
        others += [before + name for name in visible if not is_picture(name)]
        yield from (before + name for name in visible if is_picture(name))
    for note in note_of_others(shown(str(folder.root)), others):
        say(note)


def _unlistable(error: OSError) -> None:
    # os.walk would leave the folder out without a word.
    raise FerBenchError(f"{error.filename}: cannot be listed ({error.strerror})") from error
