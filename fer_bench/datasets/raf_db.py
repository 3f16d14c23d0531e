"""RAF-DB, the basic (seven-class) part: its card and its readers (paper, section III-A)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from fer_bench.datasets.card import DatasetCard, Layout, Reading, Sample
from fer_bench.datasets.folder import Folder
from fer_bench.emotions import ANGRY, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE
from fer_bench.errors import FerBenchError

CODES = {1: SURPRISE, 2: FEAR, 3: DISGUST, 4: HAPPY, 5: SAD, 6: ANGRY, 7: NEUTRAL}
"""Class index of each code of the label list."""
LIST = "EmoLabel/list_patition_label.txt"
"""Spelled so in the official archive."""
ALIGNED = "Image/aligned"

_LABELS = {str(code): index for code, index in CODES.items()}
_NAME = re.compile(r"(train|test)_\d+\.jpg")


def _basic(path: Path) -> Path | None:
    """Return the folder ``basic``: ``path`` or the one in it that holds the label list or the aligned pictures."""
    candidates = (path, path / "basic")
    return next((base for base in candidates if (base / LIST).is_file() or (base / ALIGNED).is_dir()), None)


def _recognise_aligned(path: Path) -> str | None:
    base = _basic(path)
    if base is None:
        return None
    prefix = "" if base == path else f"{base.name}/"
    found = [prefix + name for name in (LIST, ALIGNED) if (base / name).exists()]
    return " and ".join(found)


def _read_aligned(path: Path, crop: str) -> Reading:
    base = _basic(path)
    if base is None:
        raise FerBenchError(f"{path}: neither {LIST} nor {ALIGNED} is there")
    # Relative to the folder that was named, so that a sample's source is found from it.
    prefix = "" if base == path else f"{base.name}/"
    return Reading(_listed(Folder(path), prefix))


def _listed(folder: Folder, prefix: str) -> Iterator[Sample]:
    lines = folder.text(prefix + LIST).splitlines()
    present = set(folder.files(prefix + ALIGNED))
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{folder.root / prefix / LIST}:{number}"
        fields = line.split()
        if len(fields) != 2:
            raise FerBenchError(f"{where}: {line.strip()[:60]!r}, expected a file name and a label: train_00001.jpg 5")
        name, code = fields
        stem = name.removesuffix(".jpg")
        source = f"{prefix}{ALIGNED}/{stem}_aligned.jpg"
        folder.path(source)
        match = _NAME.fullmatch(name)
        if match is None:
            raise FerBenchError(f"{where}: file name {name[:60]!r}, expected train_NUMBER.jpg or test_NUMBER.jpg")
        label = _LABELS.get(code)
        if label is None:
            raise FerBenchError(f"{where}: label {code[:20]!r}, expected a code from 1 to {len(CODES)}")
        if Path(source).name not in present:
            raise FerBenchError(
                f"{folder.root / source}: no such picture, but {Path(LIST).name} names it (line {number}); unpack "
                "aligned.zip into Image/ again"
            )
        part: Literal["train", "test"] = "train" if match[1] == "train" else "test"
        yield Sample(stem, part, label, source, part)


CARD = DatasetCard(
    name="raf-db",
    title="RAF-DB",
    size=(100, 100),
    trainable=True,
    counts={
        "train": (705, 717, 281, 4772, 2524, 1982, 1290),
        "test": (162, 160, 74, 1185, 680, 478, 329),
    },
    label_map={code: EMOTIONS[index] for code, index in _LABELS.items()},
    layouts=(
        Layout(
            "aligned",
            "basic/EmoLabel/list_patition_label.txt and basic/Image/aligned/train_00001_aligned.jpg ...",
            _recognise_aligned,
            _read_aligned,
        ),
    ),
    crops=("none",),
    licence=(
        "Non-commercial research only, under the terms of its authors (Pattern Recognition and Intelligent System "
        "Laboratory, Beijing University of Posts and Telecommunications). Do not pass the pictures on."
    ),
    access=(
        "http://www.whdeng.cn/RAF/model1.html: ask its authors from an institution's address; take the basic "
        "(single-label) part: the aligned pictures (Image/aligned) and the labels (EmoLabel)."
    ),
    citation=(
        "S. Li, W. Deng and J. Du, 'Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression "
        "Recognition in the Wild', in IEEE Conference on Computer Vision and Pattern Recognition (CVPR), 2017, "
        "pp. 2584-2593. doi:10.1109/CVPR.2017.277"
    ),
)
