"""CK+, the cross-test set: its card and its readers (paper, sections III-A and V-C).

The paper's CK+ matrices fit 432 images: the peak frame of each of the 309 labelled sequences that are not contempt,
and 123 neutral frames, as many as there are subjects. It does not say how the neutral frames were chosen; here they
are the first frame of each subject's first sequence, labelled or not (protocol ``paper-432``).
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import DatasetCard, Layout, Reading, Sample
from fer_bench.datasets.folder import Folder
from fer_bench.emotions import ANGRY, CONTEMPT, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE
from fer_bench.errors import FerBenchError

CODES = {0: NEUTRAL, 1: ANGRY, 3: DISGUST, 4: FEAR, 5: HAPPY, 6: SAD, 7: SURPRISE}
"""Class index of each code of the emotion files."""
CONTEMPT_CODE = 2
POINTS = 68
MARGIN = 0.25
"""What the face crop adds on every side of the landmarks, as a fraction of the longer side of their box."""
LIFT = 0.10
"""How far the crop moves up, the same fraction: the points end at the eyebrows, below the forehead."""

# Unpacked side by side, or each archive into a folder of its own name; the inner folder first.
_IMAGES = ("extended-cohn-kanade-images/cohn-kanade-images", "cohn-kanade-images")
_EMOTIONS = ("Emotion_labels/Emotion", "Emotion_labels", "Emotion")
_LANDMARKS = ("Landmarks/Landmarks", "Landmarks")


def face_box(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return the square face crop around landmarks: left, top, right, bottom in pixels.

    It may reach beyond the picture; the decoder clips it.

    Args:
        points: float, (n, 2): x and y of each landmark in pixels.
    """
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    side = max(right - left, bottom - top)
    half = side * (0.5 + MARGIN)
    x, y = (left + right) / 2, (top + bottom) / 2 - LIFT * side
    return float(x - half), float(y - half), float(x + half), float(y + half)


def _first(folder: Folder, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if (folder.root / name).is_dir()), None)


def _recognise_sequences(path: Path) -> str | None:
    images = _first(Folder(path), _IMAGES)
    return None if images is None else f"{images}/"


def _read_sequences(path: Path, crop: str) -> Reading:
    folder = Folder(path)
    images, emotion = _first(folder, _IMAGES), _first(folder, _EMOTIONS)
    if images is None or emotion is None:
        missing = _IMAGES[-1] if images is None else _EMOTIONS[-1]
        raise FerBenchError(f"{path / missing}: no such folder; unpack the pictures and the emotion labels of CK+ here")
    landmarks = (_first(folder, _LANDMARKS) or _LANDMARKS[-1]) if crop == "landmarks" else None
    labels = dict(_labels(folder, emotion))
    notes = [
        "protocol paper-432: the last frame of each labelled sequence, and the first frame of each subject's first "
        "sequence as neutral"
    ]
    contempt = sum(code == CONTEMPT_CODE for code, _ in labels.values())
    if contempt:
        notes.append(f"{CONTEMPT} is none of the seven classes and was left out: {contempt} sequences")
    samples = []
    unused = dict(labels)
    other_frame = []
    for subject in folder.folders(images):
        sequences = folder.folders(f"{images}/{subject}")
        if not sequences:
            raise FerBenchError(f"{path / images / subject}: holds no sequence folders; unpack the pictures again")
        for sequence in sequences:
            place = f"{subject}/{sequence}"
            frames = folder.pictures(f"{images}/{place}")
            code, labelled_frame = unused.pop(place, (None, ""))
            if sequence == sequences[0]:
                _require_frames(path / images / place, frames, 1)
                samples.append(_sample(folder, images, landmarks, place, frames[0], "neutral", NEUTRAL))
            if code is not None and code != CONTEMPT_CODE:
                # With one frame alone, the neutral and the peak picture would be the same.
                _require_frames(path / images / place, frames, 2)
                samples.append(_sample(folder, images, landmarks, place, frames[-1], "peak", CODES[code]))
                if Path(frames[-1]).stem != labelled_frame:
                    other_frame.append(place)
    if unused:
        raise FerBenchError(
            f"{path / images / min(unused)}: no such sequence, but {emotion}/ has a label for it ({len(unused)} such); "
            "unpack the pictures again"
        )
    if other_frame:
        notes.append(
            f"the label file names another frame than the last one in {len(other_frame)} sequences, such as "
            f"{other_frame[0]}; the last one was taken"
        )
    return Reading(samples, tuple(notes))


def _require_frames(place: Path, frames: list[str], least: int) -> None:
    if len(frames) < least:
        raise FerBenchError(f"{place}: {len(frames)} frames, expected at least {least}; unpack the pictures again")


def _labels(folder: Folder, emotion: str) -> Iterator[tuple[str, tuple[int, str]]]:
    """Yield ``subject/sequence`` of each labelled sequence with its code and the frame that its file is named after."""
    for subject in folder.folders(emotion):
        for sequence in folder.folders(f"{emotion}/{subject}"):
            place = f"{subject}/{sequence}"
            files = folder.files(f"{emotion}/{place}", "_emotion.txt")
            if len(files) > 1:
                raise FerBenchError(f"{folder.root / emotion / place}: {len(files)} emotion files, expected one")
            if files:
                source = f"{emotion}/{place}/{files[0]}"
                yield place, (_code(folder.text(source), folder.root / source), files[0].removesuffix("_emotion.txt"))


def _code(text: str, path: Path) -> int:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if value not in (*CODES, CONTEMPT_CODE):
        raise FerBenchError(f"{path}: {text.strip()[:40]!r}, expected one emotion code from 0 to 7")
    return int(value)


def _sample(
    folder: Folder, images: str, landmarks: str | None, place: str, frame: str, part: str, label: int
) -> Sample:
    stem = Path(frame).stem
    box = None if landmarks is None else face_box(_points(folder, f"{landmarks}/{place}/{stem}_landmarks.txt"))
    subject = place.split("/", 1)[0]
    return Sample(stem, "test", label, f"{images}/{place}/{frame}", part, group=subject, box=box)


def _points(folder: Folder, source: str) -> NDArray[np.float64]:
    path = folder.path(source)
    if not path.is_file():
        raise FerBenchError(
            f"{path}: no such landmarks file; unpack the landmarks of CK+ beside the pictures, or take whole frames "
            "with --crop none"
        )
    rows = [line.split() for line in folder.text(source).splitlines() if line.strip()]
    try:
        points = np.array(rows, dtype=np.float64)
    except ValueError:
        points = np.empty(0)
    if points.shape != (POINTS, 2) or not np.isfinite(points).all():
        raise FerBenchError(f"{path}: expected {POINTS} lines of two numbers, x and y; unpack the landmarks again")
    return points


CARD = DatasetCard(
    name="ck-plus",
    title="CK+",
    size=(224, 224),
    trainable=False,
    counts={
        "peak": (45, 59, 25, 69, 0, 28, 83),
        "neutral": (0, 0, 0, 0, 123, 0, 0),
    },
    label_map={
        str(code): CONTEMPT if code == CONTEMPT_CODE else EMOTIONS[CODES[code]]
        for code in sorted((*CODES, CONTEMPT_CODE))
    },
    layouts=(
        Layout(
            "sequences",
            "cohn-kanade-images/S005/001/S005_001_00000001.png ..., Emotion/S005/001/..._emotion.txt and, for the "
            "face crop, Landmarks/S005/001/..._landmarks.txt",
            _recognise_sequences,
            _read_sequences,
        ),
    ),
    crops=("landmarks", "none"),
    licence=(
        "Non-commercial research only, under an agreement with its authors; only the subjects marked so in the "
        "agreement may be shown in publications. Do not pass the pictures on."
    ),
    access=(
        "Affect Analysis Group, University of Pittsburgh (https://www.jeffcohn.net/Resources/), by a signed agreement; "
        "take extended-cohn-kanade-images.zip, Emotion_labels.zip and Landmarks.zip."
    ),
    citation=(
        "P. Lucey, J. F. Cohn, T. Kanade, J. Saragih, Z. Ambadar and I. Matthews, 'The Extended Cohn-Kanade Dataset "
        "(CK+): A Complete Dataset for Action Unit and Emotion-Specified Expression', in IEEE Conference on Computer "
        "Vision and Pattern Recognition Workshops, 2010, pp. 94-101. doi:10.1109/CVPRW.2010.5543262"
    ),
)
