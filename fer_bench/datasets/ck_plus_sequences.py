"""CK+ as its authors give it out: sequences of frames, an emotion file for some, landmarks for every frame.

The files' own description (``ReadMeCohnKanadeDatabase_website.txt``): 593 sequences of 123 subjects, each from the
neutral face to the peak, its last frame; 327 have an emotion, in one file that is named after that frame.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_bench.datasets.card import LEFT_OUT, Choice, Flaw, Reading, Sample
from fer_bench.datasets.ck_plus_landmarks import face_crop, read_points
from fer_bench.datasets.folder import Folder, below, first_entries, shown
from fer_bench.emotions import ANGRY, CONTEMPT, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE
from fer_bench.errors import FerBenchError, number_of

CODES = {1: ANGRY, 3: DISGUST, 4: FEAR, 5: HAPPY, 6: SAD, 7: SURPRISE}
"""Class index of each code of the emotion files; 0, neutral, is described but labels no sequence."""
CONTEMPT_CODE = 2
TAKEN = {"paper-432": ("peak", 1), "peak-309": ("peak", 1), "last-three": ("last-three", 3)}
"""Of each protocol: the part of the labelled frames, and how many are taken from the end of a sequence."""
WITH_NEUTRAL = "paper-432"

# Unpacked side by side, or each archive into a folder of its own name; the inner folder first. A folder that is in one
# of its own name, such as Landmarks/Landmarks, is no case of its own.
_IMAGES = ("extended-cohn-kanade-images/cohn-kanade-images", "cohn-kanade-images")
_EMOTIONS = ("Emotion_labels/Emotion", "Emotion_labels", "Emotion")
_LANDMARKS = ("Landmarks",)

_SUBJECT = re.compile(r"S[0-9]+")
_SEQUENCE = re.compile(r"[0-9]+")
_CODE = re.compile(r"\s*([1-7])(?:\.0*)?(?:e[+-]?0+)?\s*", re.IGNORECASE)
_ODD = "not named like CK+'s folders and frames, and not read"
_LATE = "sequences whose first frame, taken as neutral, is not number 1"
_RENAMED = "sequences whose emotion file is not named after their last frame, which was taken"

Frames = dict[int, str]
"""File names of a sequence's frames by their numbers."""


def emotion_code(data: bytes) -> int:
    """Read an emotion file, such as ``   3.0000000e+00``.

    Returns:
        A code from 1 to 7.

    Raises:
        ValueError: it holds anything else; the message says what.
    """
    text = data.decode("utf-8-sig", "replace")
    match = _CODE.fullmatch(text)
    if match is None:
        raise ValueError(f"emotion {text.strip()[:20]!r}, expected a code from 1 to 7")
    return int(match[1])


def recognise(path: Path) -> str | None:
    """Recognise the folder that holds the unpacked archives, by the names of the archives' and subjects' folders."""
    images, emotions = _first(path, _IMAGES), _first(path, _EMOTIONS)
    found = [name for name in (images, emotions) if name is not None and _has_subject(below(path, name))]
    if not found:
        return None
    if not (images and emotions) and _first(path.parent, _IMAGES) and _first(path.parent, _EMOTIONS):
        return None  # The folder of one archive; the whole is one higher.
    return f"{'/ and '.join(found)}/ with a folder for each subject, such as S005"


def doubts(path: Path) -> list[str]:
    """Return which of the archives' folders hold subjects in small letters."""
    found = []
    for names in (_IMAGES, _EMOTIONS, _LANDMARKS):
        name = _first(path, names)
        if name is not None and _has_subject(below(path, name), re.compile("s[0-9]+")):
            found.append(f"{name}/ has subjects in small letters, such as s005: write S005, in the files' names too")
    return found


def read(path: Path, choice: Choice) -> Reading:
    """Read the sequences under one of the protocols of :data:`TAKEN`.

    Raises:
        FerBenchError: the frames, the emotion files, or the landmarks for the crop are missing altogether.
    """
    copy = _Copy(
        Folder(path),
        _required(path, _IMAGES, "extended-cohn-kanade-images.zip"),
        _required(path, _EMOTIONS, "Emotion_labels.zip"),
        _required(path, _LANDMARKS, "Landmarks.zip", "; or take whole frames with --crop none")
        if choice.crop == "landmarks"
        else None,
    )
    crop = (
        "whole frames are taken, background included"
        if copy.landmarks is None
        else "faces are cropped to a square around the landmarks"
    )
    label_map: dict[str, str] = {}
    notes = [f"{crop}; the paper does not say whether it cropped CK+"]
    return Reading(_taken(copy, choice.protocol, label_map, notes), label_map, notes)


def _first(path: Path, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if below(path, name).is_dir()), None)


def _has_subject(path: Path, subject: re.Pattern[str] = _SUBJECT) -> bool:
    return any(subject.fullmatch(entry.name) for entry in first_entries(path))


def _required(path: Path, names: tuple[str, ...], archive: str, otherwise: str = "") -> str:
    name = _first(path, names)
    if name is None:
        raise FerBenchError(f"{path / names[-1]}: no such folder; unpack {archive} of CK+ beside the others{otherwise}")
    if not _has_subject(below(path, name)):
        raise FerBenchError(
            f"{path / name}: holds no folder of a subject, such as S005; unpack {archive} of CK+ there{otherwise}"
        )
    return name


@dataclass(frozen=True)
class _Copy:
    folder: Folder
    images: str
    emotions: str
    landmarks: str | None
    """``None`` where whole frames are taken."""


@dataclass(frozen=True)
class _Label:
    """What is said about a sequence's emotion."""

    source: str
    code: int | None
    """``None`` where it could not be read, for ``reason``."""
    reason: str = ""
    peak: int = 0
    """Number of the frame that the file is named after; 0 where its name has none."""


def _taken(copy: _Copy, protocol: str, label_map: dict[str, str], notes: list[str]) -> Iterator[Sample | Flaw]:
    part, last = TAKEN[protocol]
    remarks: dict[str, list[str]] = {_ODD: [], _LATE: [], _RENAMED: []}
    odd = remarks[_ODD]
    labels = dict(_labels(copy, odd))
    _tell_codes([label.code for label in labels.values() if label.code is not None], label_map, notes)
    for subject in _named(copy.folder.folders(copy.images), _SUBJECT, copy.images, odd):
        above = f"{copy.images}/{subject}"
        names, reason = _listed(copy.folder, copy.folder.folders, above)
        sequences = _named(names, _SEQUENCE, above, odd)
        if protocol == WITH_NEUTRAL and not sequences:
            yield Flaw(above, reason or "holds no sequence folders, such as 001", not reason, "neutral", NEUTRAL)
        for sequence in sequences:
            place = f"{subject}/{sequence}"
            label = labels.pop(place, None)
            wanted = label if label is not None and label.code != CONTEMPT_CODE else None
            neutral = protocol == WITH_NEUTRAL and sequence == sequences[0]
            if wanted is None and not neutral:
                continue
            frames, reason = _frames(copy, subject, sequence, odd)
            if neutral:
                if frames and min(frames) != 1:
                    remarks[_LATE].append(place)
                yield _neutral(copy, place, frames, reason, wanted)
            if wanted is not None:
                if frames and wanted.peak < max(frames):
                    remarks[_RENAMED].append(place)
                yield from _labelled(copy, place, frames, reason, wanted, part, last)
    for place, label in sorted(labels.items()):
        if label.code != CONTEMPT_CODE:
            yield from _labelled(copy, place, {}, "", label, part, last)
    notes += [f"{what}: {len(places)}, such as {places[0]}" for what, places in remarks.items() if places]


def _tell_codes(codes: list[int], label_map: dict[str, str], notes: list[str]) -> None:
    """Add to ``label_map`` what the codes of the sequences mean, and to ``notes`` how many have none of the classes."""
    label_map.update(
        (str(code), LEFT_OUT if code == CONTEMPT_CODE else EMOTIONS[CODES[code]]) for code in sorted(set(codes))
    )
    if CONTEMPT_CODE in codes:
        left_out = number_of(codes.count(CONTEMPT_CODE), "sequence")
        notes.append(f"{CONTEMPT} (code {CONTEMPT_CODE}) is none of the seven classes and was left out: {left_out}")


def _named(names: list[str], pattern: re.Pattern[str], place: str, odd: list[str]) -> list[str]:
    """Return the names that match; add the others to ``odd``."""
    odd += [shown(f"{place}/{name}") for name in names if not pattern.fullmatch(name)]
    return [name for name in names if pattern.fullmatch(name)]


def _listed(folder: Folder, names: Callable[[str], list[str]], place: str) -> tuple[list[str], str]:
    """Return the names in a folder, or none and the reason why it cannot be listed."""
    folder.path(place)  # One that leads out of the copy is no flaw of a single image.
    try:
        return names(place), ""
    except FerBenchError as error:
        cause = error.__cause__
        return [], f"the folder cannot be listed ({getattr(cause, 'strerror', None) or cause})"


def _frames(copy: _Copy, subject: str, sequence: str, odd: list[str]) -> tuple[Frames, str]:
    place = f"{copy.images}/{subject}/{sequence}"
    names, reason = _listed(copy.folder, copy.folder.pictures, place)
    pattern = re.compile(rf"{subject}_{sequence}_([0-9]+)\.[A-Za-z]+")
    frames: Frames = {}
    for name in _named(names, pattern, place, odd):
        number = int(name[len(subject) + len(sequence) + 2 :].split(".", 1)[0])
        if number in frames:
            odd.append(f"{place}/{name} (a second picture of the frame)")
        frames.setdefault(number, name)
    return frames, reason


def _labels(copy: _Copy, odd: list[str]) -> Iterator[tuple[str, _Label]]:
    """Yield ``subject/sequence`` of each labelled sequence with its label."""
    folder = copy.folder
    for subject in _named(folder.folders(copy.emotions), _SUBJECT, copy.emotions, odd):
        above = f"{copy.emotions}/{subject}"
        for sequence in _named(folder.folders(above), _SEQUENCE, above, odd):
            source = f"{above}/{sequence}"
            names, reason = _listed(folder, lambda place: folder.files(place, "_emotion.txt"), source)
            if reason or len(names) > 1:
                yield f"{subject}/{sequence}", _Label(source, None, reason or f"{len(names)} emotion files, not one")
            elif names:
                yield f"{subject}/{sequence}", _label(folder, f"{source}/{names[0]}", f"{subject}_{sequence}")


def _label(folder: Folder, source: str, prefix: str) -> _Label:
    match = re.fullmatch(rf"{prefix}_([0-9]+)_emotion\.txt", source.rsplit("/", 1)[1])
    peak = int(match[1]) if match else 0
    try:
        return _Label(source, emotion_code(folder.read(source)), peak=peak)
    except ValueError as error:
        return _Label(source, None, str(error), peak)
    except OSError as error:
        return _Label(source, None, f"the emotion file cannot be read ({error.strerror or error})", peak)


def _neutral(copy: _Copy, place: str, frames: Frames, reason: str, label: _Label | None) -> Sample | Flaw:
    """Return the first frame of a sequence; ``label`` where its last one is taken too."""
    least = 1 if label is None else 2
    if len(frames) < least:
        found = f"{number_of(len(frames), 'frame')}, expected at least {least}"
        return Flaw(f"{copy.images}/{place}", reason or found, not reason, "neutral", NEUTRAL)
    return _sample(copy, place, frames[min(frames)], "neutral", NEUTRAL)


def _labelled(
    copy: _Copy, place: str, frames: Frames, reason: str, label: _Label, part: str, last: int
) -> Iterator[Sample | Flaw]:
    """Yield the last frames of a labelled sequence: exactly ``last`` samples and flaws."""
    end = max((label.peak, *frames))
    for number in range(end - last + 1, end + 1):
        if label.code is None:
            yield Flaw(label.source, f"{label.reason}; the class of frame {number} is unknown", part=part)
        elif number in frames:
            yield _sample(copy, place, frames[number], part, CODES[label.code])
        else:
            found = f"frame {number} is missing" if number > 0 else "a frame is missing"
            found += f" ({len(frames)} are there), but {label.source.rsplit('/', 1)[1]} labels the sequence"
            yield Flaw(f"{copy.images}/{place}", reason or found, not reason, part, CODES[label.code])


def _sample(copy: _Copy, place: str, frame: str, part: str, label: int) -> Sample | Flaw:
    source, stem, box = f"{copy.images}/{place}/{frame}", Path(frame).stem, None
    if copy.landmarks is not None:
        landmarks = f"{copy.landmarks}/{place}/{stem}_landmarks.txt"
        try:
            box = face_crop(read_points(copy.folder.read(landmarks)))
        except FileNotFoundError:
            return Flaw(
                source, f"no landmarks {landmarks}; whole frames can be had with --crop none", True, part, label
            )
        except (OSError, ValueError) as error:
            return Flaw(
                source, f"landmarks {landmarks}: {getattr(error, 'strerror', None) or error}", False, part, label
            )
    return Sample(stem, "test", label, source, part, group=place.split("/", 1)[0], box=box)
