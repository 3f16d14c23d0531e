"""What a model says of one picture, as data, and as the lines that the command prints."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fer_bench.datasets.folder import shown

Square = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the picture, right and bottom excluded."""


@dataclass(frozen=True)
class Prediction:
    """The answer to one picture."""

    picture: str
    """Its path, or ``image 3`` for the fourth array."""
    label: str
    """The most probable class."""
    probabilities: dict[str, float]
    """Of every class, in the model's order; they sum to 1."""
    box: Square | None
    """What was cut out of the picture and shown to the model; ``None`` where it was the whole picture."""
    faces: int | None
    """Faces found, of which the largest was taken; ``None`` where none were looked for."""
    remark: str = ""
    """What was done beyond plain decoding, such as turning it by its EXIF orientation; empty for most."""


@dataclass(frozen=True)
class NoAnswer:
    """A picture without an answer."""

    picture: str
    reason: str
    bad: bool
    """``True`` where it could not be read or decoded, ``False`` where no face was found in it."""
    remark: str = ""


Answer = Prediction | NoAnswer


def to_json(answer: Answer, origin: str) -> str:
    """Return one line of JSON in ASCII, the same keys for every answer; what is unknown is ``null``.

    Args:
        answer: of the model.
        origin: of the data that it was trained on, ``real`` or ``synthetic``.
    """
    found = answer if isinstance(answer, Prediction) else None
    content: dict[str, Any] = {
        "picture": shown(answer.picture),
        "label": found and found.label,
        "probabilities": found and {name: round(value, 6) for name, value in found.probabilities.items()},
        "box": found and found.box,
        "faces": found.faces if found else 0 if isinstance(answer, NoAnswer) and not answer.bad else None,
        "remark": answer.remark,
        "reason": answer.reason if isinstance(answer, NoAnswer) else "",
        "trained_on": origin,
    }
    return json.dumps(content)


def csv_header(classes: Sequence[str]) -> str:
    """Return the first line of the CSV for a model of these classes."""
    box = ["left", "top", "right", "bottom"]
    return _csv(["picture", "label", *classes, *box, "faces", "remark", "reason", "trained_on"])


def to_csv(answer: Answer, classes: Sequence[str], origin: str) -> str:
    """Return one line of CSV; what is unknown is empty.

    Args:
        answer: of the model.
        classes: of the model, in its order.
        origin: of the data that it was trained on, ``real`` or ``synthetic``.
    """
    if isinstance(answer, NoAnswer):
        blank = [""] * (len(classes) + 4)
        faces = "" if answer.bad else 0
        return _csv([shown(answer.picture), "", *blank, faces, answer.remark, answer.reason, origin])
    return _csv(
        [
            shown(answer.picture),
            answer.label,
            *(round(answer.probabilities[name], 6) for name in classes),
            *(answer.box or [""] * 4),
            "" if answer.faces is None else answer.faces,
            answer.remark,
            "",
            origin,
        ]
    )


def _csv(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


TEXT_HEADER = f"{'label':<10}{'%':>5}  {'then':<10}{'%':>5}  picture"


def to_text(answer: Answer) -> str:
    """Return one line for people: the two most probable classes in percent, and the picture."""
    name = shown(answer.picture)
    if isinstance(answer, NoAnswer):
        return f"{'–':<10}{'–':>5}  {'–':<10}{'–':>5}  {name}: {answer.reason}"
    first, second = sorted(answer.probabilities.items(), key=lambda item: -item[1])[:2]
    notes = [f"{answer.faces} faces, the largest"] if answer.faces and answer.faces > 1 else []
    notes += [answer.remark] if answer.remark else []
    behind = f" ({', '.join(notes)})" if notes else ""
    return f"{first[0]:<10}{100 * first[1]:>5.1f}  {second[0]:<10}{100 * second[1]:>5.1f}  {name}{behind}"
