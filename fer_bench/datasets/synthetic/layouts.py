"""Synthetic datasets on disk, in the layouts in which people hold the four real ones."""

import dataclasses
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.synthetic.face import Identity, Unit, action_units, draw_identity
from fer_bench.datasets.synthetic.scene import Face, render
from fer_bench.datasets.synthetic.view import View, draw_view
from fer_bench.emotions import CONTEMPT, EMOTIONS, NEUTRAL
from fer_bench.errors import FerBenchError
from fer_bench.files import write_json

MARKER = "fer-bench-synthetic.json"
"""File that tells a synthetic dataset from a real one."""
VERSION = 1
"""Of the drawing: raised whenever the same seed gives other pictures."""
LAYOUTS: dict[str, tuple[str, ...]] = {
    "fer2013": ("folders", "csv"),
    "raf-db": ("aligned",),
    "affectnet": ("npy",),
    "ck-plus": ("sequences",),
}
"""Layouts of each dataset, the default first."""

Progress = Callable[[int, int], None]

# The datasets' own label codes, in the order of the codes.
_FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # from 0
_RAF_DB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")  # from 1
_AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", CONTEMPT)  # from 0
_CK_PLUS = ("neutral", "angry", CONTEMPT, "disgust", "fear", "happy", "sad", "surprise")  # from 0

_VALENCE_AROUSAL = {
    "neutral": (0.0, 0.0), "happy": (0.7, 0.2), "sad": (-0.65, -0.25), "surprise": (0.15, 0.7), "fear": (-0.2, 0.75),
    "disgust": (-0.65, 0.45), "angry": (-0.45, 0.6), CONTEMPT: (-0.5, 0.55),
}  # fmt: skip
_RAF_AGES = (4, 20, 40, 70)
"""First years of the age groups 1 to 4."""


@dataclass(frozen=True)
class _Plan:
    """The pictures of a dataset, still to be drawn."""

    jobs: Sequence[Callable[[], Any]]
    """One a picture; independent of each other."""
    counts: dict[str, list[int]]
    """Pictures of each part and class, in the paper's order."""
    finish: Callable[[list[Any]], None] | None = None
    """Takes the jobs' results, in order, and writes what lists them."""


def synthesize(
    dataset: str,
    destination: Path,
    *,
    train: int,
    test: int,
    seed: int = 0,
    layout: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a dataset of drawn faces in a layout of the real one; the folder appears whole or not at all.

    The same arguments give the same files. Each picture depends on the seed and its own number only, so a larger set
    begins with the smaller one's pictures (not for CK+, whose sequences are dealt to subjects).

    Args:
        dataset: a key of :data:`LAYOUTS`.
        destination: folder to make; may exist when empty.
        train: training images, spread evenly over the seven classes; ignored for CK+, which has none.
        test: test images, spread likewise; for CK+ the labelled peak frames of the six emotions without contempt.
        seed: 0 or more.
        layout: one of the dataset's layouts; ``None`` takes the first.
        progress: called with the pictures done and their total.

    Returns:
        The content of the marker file: ``synthetic``, ``dataset``, ``layout``, ``seed``, ``version`` and ``counts``,
        the images of each part per class in the paper's order. AffectNet's contempt images and CK+'s contempt and
        unlabelled sequences are outside the counts.

    Raises:
        FerBenchError: unknown dataset or layout, too few images, a negative seed, or a destination with content.
    """
    if dataset not in LAYOUTS:
        raise FerBenchError(f"no synthetic {dataset!r}; expected one of {', '.join(LAYOUTS)}")
    layout = layout or LAYOUTS[dataset][0]
    if layout not in LAYOUTS[dataset]:
        raise FerBenchError(f"no layout {layout!r} of {dataset}; expected one of {', '.join(LAYOUTS[dataset])}")
    if seed < 0:
        raise FerBenchError(f"seed {seed} is negative; use 0 or more")
    for name, number in (("test", test),) if dataset == "ck-plus" else (("train", train), ("test", test)):
        if number < len(EMOTIONS):
            raise FerBenchError(f"{number} {name} images for {dataset}; ask for at least {len(EMOTIONS)}, one a class")
    if destination.is_file() or (destination.is_dir() and any(destination.iterdir())):
        raise FerBenchError(f"{destination} exists and is not an empty folder; choose another or remove it")
    folder = destination.parent / f".{destination.name}-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise FerBenchError(f"{destination.parent}: no folder can be made there ({error.strerror})") from error
    try:
        plan = _PLANS[dataset, layout](folder, train, test, seed)
        results = _run(plan.jobs, progress)
        if plan.finish:
            plan.finish(results)
        marker = {
            "synthetic": True,
            "dataset": dataset,
            "layout": layout,
            "seed": seed,
            "version": VERSION,
            "counts": plan.counts,
        }
        write_json(folder / MARKER, marker)
        if destination.exists():
            destination.rmdir()
        folder.rename(destination)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return marker


def _run(jobs: Sequence[Callable[[], Any]], progress: Progress | None) -> list[Any]:
    # Threads: OpenCV and numpy's generators let go of the interpreter's lock while they work.
    results = []
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        for result in pool.map(lambda job: job(), jobs):
            results.append(result)
            if progress:
                progress(len(results), len(jobs))
    finally:
        pool.shutdown(cancel_futures=True)
    return results


def _spread(total: int) -> list[int]:
    """Return how many of ``total`` pictures each class gets when picture i shows class i modulo seven."""
    return [len(range(index, total, len(EMOTIONS))) for index in range(len(EMOTIONS))]


@dataclass(frozen=True)
class _Portrait:
    identity: Identity
    face: Face
    rng: np.random.Generator
    """For what else is drawn about the picture."""


def _portrait(
    emotion: str, key: list[int], sizes: Callable[[np.random.Generator], int], *, gray: bool = False
) -> _Portrait:
    """Draw someone in the wild, seeded by ``key``: seed, dataset, part and number of the picture."""
    rng = np.random.default_rng(key)
    identity, units, view = draw_identity(rng), action_units(emotion, rng), draw_view(rng)
    return _Portrait(identity, render(identity, units, view, sizes(rng), gray=gray), rng)


def _write_image(path: Path, image: NDArray[np.uint8], options: list[int]) -> None:
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


# FER-2013


def _fer2013_parts(train: int, test: int) -> tuple[list[tuple[str, str, list[int]]], dict[str, list[int]]]:
    """Return (usage, emotion, key without seed) of each picture in the order of fer2013.csv, and the counts."""
    pictures = [("Training", i) for i in range(train)]
    # Seven is odd: a class's pictures alternate between the two test parts.
    pictures += [("PublicTest", i) for i in range(0, test, 2)] + [("PrivateTest", i) for i in range(1, test, 2)]
    counts = {usage: [0] * len(EMOTIONS) for usage in ("Training", "PublicTest", "PrivateTest")}
    rows = []
    for usage, index in pictures:
        label = index % len(EMOTIONS)
        counts[usage][label] += 1
        rows.append((usage, EMOTIONS[label], [0, list(counts).index(usage), index]))
    return rows, counts


def _fer2013_folders(folder: Path, train: int, test: int, seed: int) -> _Plan:
    def draw(usage: str, emotion: str, key: list[int], number: int) -> None:
        image = _portrait(emotion, [seed, *key], lambda _: 48, gray=True).face.image
        split = "train" if usage == "Training" else "test"
        _write_image(folder / split / emotion / f"{usage}_{10_000_000 + number}.jpg", image, _JPEG)

    for split in ("train", "test"):
        for emotion in EMOTIONS:
            (folder / split / emotion).mkdir(parents=True)
    rows, counts = _fer2013_parts(train, test)
    return _Plan([partial(draw, *row, number) for number, row in enumerate(rows)], counts)


def _fer2013_csv(folder: Path, train: int, test: int, seed: int) -> _Plan:
    def draw(usage: str, emotion: str, key: list[int]) -> str:
        pixels = _portrait(emotion, [seed, *key], lambda _: 48, gray=True).face.image
        return f"{_FER2013.index(emotion)},{' '.join(map(str, pixels.ravel().tolist()))},{usage}\n"

    def finish(lines: list[str]) -> None:
        with (folder / "fer2013.csv").open("w", encoding="ascii", newline="\n") as stream:
            stream.write("emotion,pixels,Usage\n")
            stream.writelines(lines)

    rows, counts = _fer2013_parts(train, test)
    return _Plan([partial(draw, *row) for row in rows], counts, finish)


# RAF-DB


def _raf_db(folder: Path, train: int, test: int, seed: int) -> _Plan:
    basic = folder / "basic"
    images, annotations, labels = basic / "Image" / "aligned", basic / "Annotation" / "manual", basic / "EmoLabel"
    for place in (images, annotations, labels):
        place.mkdir(parents=True)

    def draw(name: str, emotion: str, key: list[int]) -> str:
        portrait = _portrait(emotion, [seed, *key], lambda _: 100)
        _write_image(images / f"{name}_aligned.jpg", portrait.face.image, _JPEG)
        points = portrait.face.landmarks
        five = [points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[30], points[48], points[54]]
        lines = [f"{x:.3f}\t{y:.3f}" for x, y in five]
        age = sum(portrait.identity.age >= first for first in _RAF_AGES)
        # A drawn face has no race: the field is filled at random, for its three values to occur.
        lines += [str(int(portrait.identity.gender == "female")), str(int(portrait.rng.integers(3))), str(age)]
        (annotations / f"{name}_manu_attri.txt").write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
        return f"{name}.jpg {_RAF_DB.index(emotion) + 1}\n"

    def finish(lines: list[str]) -> None:
        (labels / "list_patition_label.txt").write_text("".join(lines), encoding="ascii", newline="\n")

    names = [(f"train_{i + 1:05d}", 0, i) for i in range(train)] + [(f"test_{i + 1:04d}", 1, i) for i in range(test)]
    jobs = [partial(draw, name, EMOTIONS[i % len(EMOTIONS)], [1, part, i]) for name, part, i in names]
    return _Plan(jobs, {"train": _spread(train), "test": _spread(test)}, finish)


# AffectNet


def _affectnet(folder: Path, train: int, test: int, seed: int) -> _Plan:
    def side(rng: np.random.Generator) -> int:
        return 224 if rng.random() < 0.8 else int(rng.integers(160, 401))

    def draw(part: str, emotion: str, key: list[int]) -> None:
        number = key[-1]
        portrait = _portrait(emotion, [seed, *key], side)
        _write_image(folder / part / "images" / f"{number}.jpg", portrait.face.image, _JPEG)
        affect = np.clip(portrait.rng.normal(_VALENCE_AROUSAL[emotion], 0.12), -1, 1)
        stem = str(folder / part / "annotations" / str(number))
        # The real files hold text, the landmarks x and y in turn.
        np.save(f"{stem}_exp.npy", np.array(str(_AFFECTNET.index(emotion))))
        np.save(f"{stem}_val.npy", np.array(f"{affect[0]:.6f}"))
        np.save(f"{stem}_aro.npy", np.array(f"{affect[1]:.6f}"))
        np.save(f"{stem}_lnd.npy", portrait.face.landmarks.astype(np.float64).ravel())

    jobs: list[Callable[[], Any]] = []
    for code, (part, total) in enumerate((("train_set", train), ("val_set", test))):
        for kind in ("images", "annotations"):
            (folder / part / kind).mkdir(parents=True)
        jobs += [partial(draw, part, EMOTIONS[i % len(EMOTIONS)], [2, code, i]) for i in range(total)]
        contempt = max(2, total // 20)
        jobs += [partial(draw, part, CONTEMPT, [2, code, i]) for i in range(total, total + contempt)]
    return _Plan(jobs, {"train_set": _spread(train), "val_set": _spread(test)})


# CK+


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


def _ck_plus(folder: Path, train: int, test: int, seed: int) -> _Plan:
    del train  # The dataset has no training set.
    jobs: list[Callable[[], Any]] = []
    sequences = _ck_sequences(test, seed)
    for sequence in sequences:
        for kind in ("cohn-kanade-images", "Emotion", "Landmarks"):
            (folder / kind / sequence.subject / sequence.name).mkdir(parents=True)
        jobs += [partial(_ck_frame, folder, sequence, number) for number in range(1, sequence.frames + 1)]
    emotions = [sequence.emotion for sequence in sequences]
    neutral = [0] * len(EMOTIONS)
    neutral[NEUTRAL] = len({sequence.subject for sequence in sequences})
    return _Plan(jobs, {"peak": [emotions.count(emotion) for emotion in EMOTIONS], "neutral": neutral})


def _ck_sequences(test: int, seed: int) -> list[_Sequence]:
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


def _ck_frame(folder: Path, sequence: _Sequence, number: int) -> None:
    """Write one frame, its landmarks and, for a labelled peak, the emotion."""
    strength = (number - 1) / (sequence.frames - 1)
    units = {unit: strength * value for unit, value in sequence.units.items()}
    view = sequence.view
    moved = dataclasses.replace(view, pitch=view.pitch + 1.5 * strength, grain_seed=view.grain_seed + number)
    face = render(sequence.identity, units, moved, 640, gray=not sequence.colour)
    # 640 x 490: the middle of a square picture.
    top, bottom = 75, 565
    below = Path(sequence.subject) / sequence.name
    stem = f"{sequence.subject}_{sequence.name}_{number:08d}"
    _write_image(folder / "cohn-kanade-images" / below / f"{stem}.png", face.image[top:bottom], _PNG)
    lines = "".join(f"{x:16.7e}{y - top:16.7e}\n" for x, y in face.landmarks)
    (folder / "Landmarks" / below / f"{stem}_landmarks.txt").write_text(lines, encoding="ascii", newline="\n")
    if sequence.emotion and number == sequence.frames:
        label = f"{_CK_PLUS.index(sequence.emotion):16.7e}\n"
        (folder / "Emotion" / below / f"{stem}_emotion.txt").write_text(label, encoding="ascii", newline="\n")


_PLANS: dict[tuple[str, str], Callable[[Path, int, int, int], _Plan]] = {
    ("fer2013", "folders"): _fer2013_folders,
    ("fer2013", "csv"): _fer2013_csv,
    ("raf-db", "aligned"): _raf_db,
    ("affectnet", "npy"): _affectnet,
    ("ck-plus", "sequences"): _ck_plus,
}
