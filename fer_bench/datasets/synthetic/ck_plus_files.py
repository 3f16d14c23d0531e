"""Synthetic CK+: the official sequences, CK+48, and ckextended.csv, all made of the same frames."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.synthetic.face import Identity, Unit, action_units, draw_identity
from fer_bench.datasets.synthetic.fer2013_files import CODES as FER2013_CODES
from fer_bench.datasets.synthetic.plan import PNG, Plan, Planner, pixel_text, write_image, write_lines
from fer_bench.datasets.synthetic.scene import Face, render
from fer_bench.datasets.synthetic.view import View, draw_view
from fer_bench.emotions import CONTEMPT, EMOTIONS, NEUTRAL

CODES = ("neutral", "angry", CONTEMPT, "disgust", "fear", "happy", "sad", "surprise")
"""Of the emotion files, from 0."""
CK48_FOLDERS = {
    "angry": "anger", CONTEMPT: CONTEMPT, "disgust": "disgust", "fear": "fear", "happy": "happy", "sad": "sadness",
    "surprise": "surprise",
}  # fmt: skip
LAST = 3
"""Frames of each labelled sequence in CK+48."""


@dataclass(frozen=True)
class _Sequence:
    subject: str
    name: str
    identity: Identity
    units: dict[Unit, float]
    """At the peak."""
    view: View
    frames: int
    emotion: str | None
    """``None`` where it has no label."""
    colour: bool


def _stem(sequence: _Sequence, number: int) -> str:
    return f"{sequence.subject}_{sequence.name}_{number:08d}"


def _dealt(test: int, seed: int) -> list[_Sequence]:
    """Return the sequences: labelled, contempt and unlabelled ones, dealt to subjects."""
    rng = np.random.default_rng([seed, 3, 0])
    subjects = max(1, round(test / 2.5))
    # The real one has 327 labelled of 593 sequences, 18 of them contempt.
    six = [emotion for index, emotion in enumerate(EMOTIONS) if index != NEUTRAL]
    dealt: list[list[str | None]] = [[six[i % 6] for i in chunk] for chunk in np.array_split(np.arange(test), subjects)]
    extra: list[str | None] = [CONTEMPT] * max(1, test // 17) + [None] * max(1, round(0.3 * test))
    for emotion in extra:
        dealt[rng.integers(subjects)].append(emotion)
    sequences = []
    for index, emotions in enumerate(dealt):
        own = np.random.default_rng([seed, 3, 1, index])
        identity = draw_identity(own)
        for position, choice in enumerate(own.permutation(len(emotions)).tolist()):
            emotion = emotions[choice]
            shown, intensity = (emotion, 1.0) if emotion else (str(own.choice(six)), 0.6)
            sequences.append(
                _Sequence(
                    subject=f"S{5 + index:03d}",
                    name=f"{position + 1:03d}",
                    identity=identity,
                    units=action_units(shown, own, intensity),
                    view=draw_view(own, "laboratory"),
                    frames=int(own.integers(4, 9)),
                    emotion=emotion,
                    colour=index % 10 == 2,
                )
            )
    return sequences


def _counted(emotions: Sequence[str | None], times: int = 1) -> list[int]:
    return [times * emotions.count(emotion) for emotion in EMOTIONS]


def _frame(sequence: _Sequence, number: int) -> Face:
    """Draw a frame, 490 x 640 pixels; the first one, number 1, is at rest."""
    strength = (number - 1) / (sequence.frames - 1)
    units = {unit: strength * value for unit, value in sequence.units.items()}
    view = sequence.view
    moved = dataclasses.replace(view, pitch=view.pitch + 1.5 * strength, grain_seed=view.grain_seed + number)
    face = render(sequence.identity, units, moved, 640, gray=not sequence.colour)
    # The middle of a square picture.
    top, bottom = 75, 565
    return Face(face.image[top:bottom], face.landmarks - np.array((0, top), np.float32))


def _crop(sequence: _Sequence, number: int) -> NDArray[np.uint8]:
    """Return the face of a frame, gray, 48 x 48 pixels: a square around the landmarks with a margin."""
    face = _frame(sequence, number)
    gray = cv2.cvtColor(face.image, cv2.COLOR_BGR2GRAY) if sequence.colour else face.image
    low, high = face.landmarks.min(axis=0), face.landmarks.max(axis=0)
    half = 0.6 * float((high - low).max())
    x, y = (low + high) / 2 - (0, 0.15 * half)
    left, top, right, bottom = (max(round(float(edge)), 0) for edge in (x - half, y - half, x + half, y + half))
    return np.asarray(cv2.resize(gray[top:bottom, left:right], (48, 48), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _sequences(folder: Path, train: int, test: int, seed: int) -> Plan:
    del train  # The dataset has no training set.
    sequences = _dealt(test, seed)
    jobs = []
    for sequence in sequences:
        for kind in ("cohn-kanade-images", "Emotion", "Landmarks"):
            (folder / kind / sequence.subject / sequence.name).mkdir(parents=True)
        jobs += [partial(_write_frame, folder, sequence, number) for number in range(1, sequence.frames + 1)]
    emotions = [sequence.emotion for sequence in sequences]
    neutral = [0] * len(EMOTIONS)
    neutral[NEUTRAL] = len({sequence.subject for sequence in sequences})
    peak = _counted(emotions)
    counts = {
        "paper-432": {"peak": peak, "neutral": neutral},
        "peak-309": {"peak": peak},
        "last-three": {"last-three": _counted(emotions, LAST)},
    }
    return Plan(jobs, counts)


def _write_frame(folder: Path, sequence: _Sequence, number: int) -> None:
    """Write one frame, its landmarks and, for a labelled peak, the emotion."""
    face = _frame(sequence, number)
    below, stem = Path(sequence.subject) / sequence.name, _stem(sequence, number)
    write_image(folder / "cohn-kanade-images" / below / f"{stem}.png", face.image, PNG)
    lines = [f"{x:16.7e}{y:16.7e}\n" for x, y in face.landmarks]
    write_lines(folder / "Landmarks" / below / f"{stem}_landmarks.txt", lines)
    if sequence.emotion and number == sequence.frames:
        label = f"{CODES.index(sequence.emotion):16.7e}\n"
        write_lines(folder / "Emotion" / below / f"{stem}_emotion.txt", [label])


def _ck48(folder: Path, train: int, test: int, seed: int) -> Plan:
    del train
    for name in CK48_FOLDERS.values():
        (folder / "CK+48" / name).mkdir(parents=True)

    def draw(sequence: _Sequence, name: str, number: int) -> None:
        write_image(folder / "CK+48" / name / f"{_stem(sequence, number)}.png", _crop(sequence, number), PNG)

    labelled = [(sequence, sequence.emotion) for sequence in _dealt(test, seed) if sequence.emotion]
    jobs = [
        partial(draw, sequence, CK48_FOLDERS[emotion], number)
        for sequence, emotion in labelled
        for number in range(sequence.frames - LAST + 1, sequence.frames + 1)
    ]
    return Plan(jobs, {"last-three": {"last-three": _counted([emotion for _, emotion in labelled], LAST)}})


def _ckextended(folder: Path, train: int, test: int, seed: int) -> Plan:
    """Plan the first frame of every sequence as neutral, and the peak of every labelled one."""
    del train
    codes = (*FER2013_CODES, CONTEMPT)
    pictures: list[tuple[_Sequence, str, int]] = []
    for sequence in _dealt(test, seed):
        pictures.append((sequence, "neutral", 1))
        if sequence.emotion:
            pictures.append((sequence, sequence.emotion, sequence.frames))

    def draw(sequence: _Sequence, emotion: str, number: int) -> str:
        return f"{codes.index(emotion)},{pixel_text(_crop(sequence, number))},"

    def finish(starts: list[str]) -> None:
        # The real table names parts of 80, 10 and 10 %.
        usage = {8: "PublicTest", 9: "PrivateTest"}
        rows = [f"{start}{usage.get(number % 10, 'Training')}\n" for number, start in enumerate(starts)]
        write_lines(folder / "ckextended.csv", ["emotion,pixels,Usage\n", *rows])

    counts = {"ckextended": {"ckextended": _counted([emotion for _, emotion, _ in pictures])}}
    return Plan([partial(draw, *picture) for picture in pictures], counts, finish)


LAYOUTS: dict[str, Planner] = {"sequences": _sequences, "ck48": _ck48, "ckextended": _ckextended}
