"""The files of the figures: ``NAME.pdf``, ``NAME.png`` and ``figures.json``; writing them, and whether they are fresh.

Pixels differ between versions of matplotlib; values do not. ``figures.json`` holds what every figure draws, and each
picture bears the SHA-256 of its figure's values in its metadata.
"""

import dataclasses
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_bench.errors import FerBenchError, number_of
from fer_bench.figures.style import styled
from fer_bench.figures.values import Drawing
from fer_bench.files import read_json, replacing, write_text
from fer_bench.progress import bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VALUES = "figures.json"
_ENDINGS = ("pdf", "png")
_MARK = "fer-bench figure of the values sha256:"
_MARKED = re.compile(re.escape(_MARK).encode() + rb"([0-9a-f]{64})")
_SHOWN = 3
"""Different places of a figure that are told one by one."""


def picture(drawing: Drawing, folder: Path, ending: str) -> Path:
    """Return the path of a figure's picture; ``ending`` is ``png`` or ``pdf``."""
    return folder / f"{drawing.name}.{ending}"


def write_figures(drawings: Sequence[Drawing], folder: Path) -> list[Path]:
    """Draw every figure as PDF and PNG (200 dpi), write ``figures.json``, and return the files.

    Pictures that an earlier call left in ``folder`` and that are not among ``drawings`` are removed. The files carry
    no dates: the same values give the same bytes with the same matplotlib.
    """
    written: list[Path] = []
    with bar("figures", len(drawings), "figure") as progress:
        for drawing in drawings:
            written += _draw(drawing, folder)
            progress.advance()
    if drawings:
        write_text(folder / VALUES, _text(drawings))
        written.append(folder / VALUES)
    else:
        (folder / VALUES).unlink(missing_ok=True)
    for path in _ours(folder):
        if path not in written:
            path.unlink()
    return written


def check_figures(drawings: Sequence[Drawing], folder: Path) -> list[str]:
    """Return one line for each place where the files in ``folder`` are not what :func:`write_figures` would write.

    Pictures are compared by the values that they say they were drawn from. Nothing is drawn.

    Raises:
        FerBenchError: ``figures.json`` is not readable.
    """
    lines = list(_changed_values(drawings, folder / VALUES))
    expected = {picture(drawing, folder, ending): digest(drawing) for drawing in drawings for ending in _ENDINGS}
    for path, wanted in expected.items():
        found = _mark(path) if path.is_file() else None
        if not path.is_file():
            lines.append(f"{path.name}: missing")
        elif found is None:
            lines.append(f"{path.name}: not drawn by fer-bench figures")
        elif found != wanted:
            lines.append(f"{path.name}: drawn from other values (sha256 {found[:12]}, now {wanted[:12]})")
    lines += [f"{path.name}: the records no longer give this figure" for path in _ours(folder) if path not in expected]
    return lines


def values(drawing: Drawing) -> dict[str, Any]:
    """Return what a figure draws as JSON has it: objects, lists, texts, finite numbers, null."""
    content: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(drawing), allow_nan=False))
    return content


def digest(drawing: Drawing) -> str:
    """Return the SHA-256 of a figure's values, 64 hexadecimal digits."""
    text = json.dumps(values(drawing), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _draw(drawing: Drawing, folder: Path) -> list[Path]:
    mark = f"{_MARK}{digest(drawing)}"
    pdf, png = (picture(drawing, folder, ending) for ending in _ENDINGS)
    with styled():
        figure = drawing.draw()
        # Laid out once, for both files.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        metadata = {"CreationDate": None, "Creator": None, "Producer": None, "Subject": mark}
        # Not into the file: where the disk is full, matplotlib's PDF writer hides that behind an error of its own.
        drawn = io.BytesIO()
        figure.savefig(drawn, format="pdf", metadata=metadata)
        with replacing(pdf) as temporary:
            temporary.write_bytes(drawn.getvalue())
        with replacing(png) as temporary:
            _save_png(figure, temporary, mark)
    return [pdf, png]


def _save_png(figure: "Figure", path: Path, mark: str) -> None:
    """Write a PNG of at most 256 colours: a third of the size, and no eye sees it."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    metadata = PngInfo()
    metadata.add_text("Description", mark)
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, format="png", optimize=True, pnginfo=metadata)


def _mark(path: Path) -> str | None:
    """Return the SHA-256 that a picture bears; both formats keep such texts as they are."""
    found = _MARKED.search(path.read_bytes())
    return found[1].decode() if found else None


def _ours(folder: Path) -> list[Path]:
    """Return the pictures in a folder that were drawn by :func:`write_figures`, by name."""
    found = (path for ending in _ENDINGS for path in folder.glob(f"*.{ending}"))
    return sorted(path for path in found if path.is_file() and _mark(path) is not None)


def _text(drawings: Sequence[Drawing]) -> str:
    """Return ``figures.json``: an object by figure, short lists on one line."""
    return "\n".join(_lines({drawing.name: values(drawing) for drawing in drawings}, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    inner = indent + " "
    if isinstance(value, dict) and value:
        items = [(f"{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()]
        brackets = "{}"
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        items = [("", item) for item in value]
        brackets = "[]"
    else:
        yield json.dumps(value, ensure_ascii=False, allow_nan=False)
        return
    yield brackets[0]
    for number, (head, item) in enumerate(items, start=1):
        *lines, last = _lines(item, inner)
        comma = "," if number < len(items) else ""
        head = inner + head
        for line in lines:
            yield head + line
            head = ""
        yield head + last + comma
    yield indent + brackets[1]


def _changed_values(drawings: Sequence[Drawing], path: Path) -> Iterator[str]:
    if not path.exists():
        if drawings:
            yield f"{path.name}: missing"
        return
    saved = read_json(path)
    if not isinstance(saved, dict):
        raise FerBenchError(f"{path}: expected an object of figures; run `fer-bench figures` to write it")
    given = {drawing.name: values(drawing) for drawing in drawings}
    differ = False
    for name in dict.fromkeys((*saved, *given)):
        if name not in saved:
            lines = [f"{name}: not in {path.name}"]
        elif name not in given:
            lines = [f"{name}: in {path.name}, but the records no longer give it"]
        else:
            lines = [f"{name}: {line}" for line in _differences("", saved[name], given[name])]
        differ = differ or bool(lines)
        yield from lines[:_SHOWN]
        if len(lines) > _SHOWN:
            yield f"{name}: and {number_of(len(lines) - _SHOWN, 'more place')}"
    if not differ and path.read_bytes() != _text(drawings).encode():
        yield f"{path.name}: the right values, but not as fer-bench writes them"


def _differences(where: str, saved: Any, given: Any) -> Iterator[str]:
    if isinstance(saved, dict) and isinstance(given, dict):
        for key in dict.fromkeys((*saved, *given)):
            yield from _differences(f"{where}.{key}" if where else str(key), saved.get(key), given.get(key))
    elif isinstance(saved, list) and isinstance(given, list):
        if len(saved) != len(given):
            yield f"{where}: {len(saved)} in the file, {len(given)} from the records"
        for place, (one, other) in enumerate(zip(saved, given, strict=False)):
            yield from _differences(f"{where}[{place}]", one, other)
    elif saved != given or type(saved) is not type(given):
        yield f"{where}: {_short(saved)} in the file, {_short(given)} from the records"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:160]} ..."
