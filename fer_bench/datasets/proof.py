"""Whether a copy is what it should be: expected counts, images that could not be taken, and the messages about both."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_bench.datasets.card import DatasetCard, Flaw, Protocol
from fer_bench.datasets.decoding import BEYOND
from fer_bench.datasets.folder import shown
from fer_bench.datasets.recognition import Found
from fer_bench.datasets.rows import Counts
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError, number_of
from fer_bench.files import printable, read_json

SYNTHETIC_MARKER = "fer-bench-synthetic.json"
"""Left beside synthetic files by whoever drew them; says how many there are."""
SHOWN = 20
"""Images named in a message."""

_BAD_SHARE = 0.01
_BAD_LEAST = 20
_OTHERS_SHARE = 0.03
"""Of the images: where more face boxes than that are of other pictures, so are all of them."""


@dataclass
class Flaws:
    """The images that could not be taken, and what the user allows."""

    skip_bad: bool
    allow_incomplete: bool
    found: list[Flaw] = field(default_factory=list)
    _refused: int = 0
    """How many of them the user's options do not allow: counted, since a partial AffectNet has 100,000 flaws."""
    _beyond: int = 0
    """How many pictures, taken or not, have a face box that reaches beyond them."""
    _first_beyond: str = ""
    """A line about the first of those."""

    def add(self, flaws: Sequence[Flaw], read: int, remarks: Sequence[tuple[str, str]] = ()) -> None:
        """Note flaws; stop where more than 1 % of the images so far (and at least 20) are not to be had.

        Whatever the user allows, stop where the face boxes of so many are not those of their pictures: the others are
        not either, and only happen to lie within.

        Args:
            flaws: found since the last call.
            read: images taken so far.
            remarks: source and remark of those that were taken since the last call.

        Raises:
            FerBenchError: the copy is hopeless.
        """
        if not flaws and not remarks:
            return
        self.found += flaws
        self._refused += sum(map(self._is_refused, flaws))
        told = [*((flaw.source, flaw.reason) for flaw in flaws), *remarks]
        beyond = [_line(source, text) for source, text in told if text.startswith(BEYOND)]
        if beyond:
            self._first_beyond = self._first_beyond or beyond[0]
            self._beyond += len(beyond)
        if self._beyond > _BAD_LEAST:
            self._require_own_boxes(read)
        refused = self._refused
        if refused > max(_BAD_LEAST, _BAD_SHARE * (read + refused)):
            raise FerBenchError(self._message(f"{refused:,} of the first {read + len(self.found):,} images"))

    def refused(self) -> list[Flaw]:
        """Return those that the user's options do not allow."""
        return [flaw for flaw in self.found if self._is_refused(flaw)]

    def _is_refused(self, flaw: Flaw) -> bool:
        return not self.skip_bad and not (flaw.missing and self.allow_incomplete)

    def check(self, read: int) -> None:
        """Raise :class:`FerBenchError` with a line for each image where any is refused."""
        self._require_own_boxes(read)
        if self._refused:
            raise FerBenchError(self._message(f"{self._refused:,} of {number_of(read + len(self.found), 'image')}"))

    def _require_own_boxes(self, read: int) -> None:
        if self._beyond > _OTHERS_SHARE * (read + len(self.found)):
            raise FerBenchError(
                f"{self._beyond:,} of {read + len(self.found):,} face boxes reach beyond their pictures, such as "
                f"{self._first_beyond}\nThese pictures look cropped or resized already, so that no box fits: take them "
                "whole with --crop none, or unpack the original pictures"
            )

    def _message(self, how_many: str) -> str:
        refused = self.refused()
        ways = "leave them out with --skip-bad (the manifest then lists every one)"
        if all(flaw.missing for flaw in refused):
            ways = "accept a partial copy with --allow-incomplete"
        return "\n".join([f"{how_many} cannot be taken:", *_lines(refused), f"Unpack the copy again, or {ways}."])

    def as_json(self) -> list[dict[str, Any]]:
        """Return every one for the manifest."""
        return [
            {"source": printable(flaw.source), "reason": printable(flaw.reason), "missing": flaw.missing}
            for flaw in self.found
        ]


def _lines(flaws: Sequence[Flaw]) -> list[str]:
    """Return a line for each of the first, and one for how many there are more."""
    lines = [f"  {line(flaw)}" for flaw in flaws[:SHOWN]]
    more = len(flaws) - SHOWN
    return [*lines, f"  and {more:,} more"] if more > 0 else lines


def line(flaw: Flaw) -> str:
    """Return one line with file and reason."""
    return _line(flaw.source, flaw.reason)


def _line(source: str, text: str) -> str:
    return shown(printable(f"{source}: {text}"))


@dataclass(frozen=True)
class Expected:
    """What a copy is compared with."""

    counts: Counts | None
    """Images per class of each part; ``None`` where nobody has published them, or the copy is a re-upload."""
    origin: str


def expected(card: DatasetCard, found: Found, source: Path, protocol: Protocol) -> Expected:
    """Return the counts per part that must be there, and the origin: by the marker of synthetic files, or the card.

    Raises:
        FerBenchError: the marker is damaged, of another dataset, or older than the protocol.
    """
    places = dict.fromkeys((found.root, source.resolve(), found.root.parent))
    marker = next((place / SYNTHETIC_MARKER for place in places if (place / SYNTHETIC_MARKER).is_file()), None)
    if marker is None:
        official = found.layout.counts or (protocol.counts if found.layout.official else None)
        return Expected(None if official is None else {part: list(n) for part, n in official.items()}, "real")
    content = read_json(marker)
    if not isinstance(content, dict) or content.get("synthetic") is not True or not _are_counts(content.get("counts")):
        raise FerBenchError(f"{marker}: not the marker of synthetic files; make them again with fer-bench synthesize")
    if content.get("dataset") != card.name:
        raise FerBenchError(
            f"{marker}: the files beside it are synthetic {content.get('dataset')!r}, not {card.name}; name the folder "
            f"of {card.name} with --source"
        )
    counts = content["counts"]
    if isinstance(content.get("counts_by_protocol"), dict):
        counts = content["counts_by_protocol"].get(protocol.name)
    return Expected(counts if _are_counts(counts) else None, "synthetic")


def _are_counts(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(counts, list) and len(counts) == len(EMOTIONS) and all(type(count) is int for count in counts)
        for counts in content.values()
    )


def check_counts(
    card: DatasetCard, found: Found, counts: Counts, wanted: Expected, flaws: Flaws, notes: Sequence[str]
) -> bool | None:
    """Compare the counts per class of each part with the expected ones.

    Images that were left out with the user's leave are counted as if they were there.

    Args:
        card: of the dataset.
        found: the copy.
        counts: images per class of each part.
        wanted: what there should be.
        flaws: what could not be taken.
        notes: of the reader: what it passed over may be what is lacking.

    Returns:
        Whether the images that are taken are as many as expected; ``None`` where there is nothing to compare with.

    Raises:
        FerBenchError: the counts differ and that is not allowed; the message has a table of each part that differs.
    """
    from tabulate import tabulate

    where = f"{found.root} (layout {found.layout.name})"
    noted = [f"Note: {shown(printable(note))}" for note in notes]
    if not counts:
        raise FerBenchError("\n".join([f"{where}: holds no images of {card.title}", *_lines(flaws.found), *noted]))
    if wanted.counts is None:
        return None
    nothing = [0] * len(EMOTIONS)
    with_flaws = {part: list(numbers) for part, numbers in counts.items()}
    unknown = 0
    for flaw in flaws.found:
        if flaw.label is None or not flaw.part:
            unknown += 1
        else:
            with_flaws.setdefault(flaw.part, list(nothing))[flaw.label] += 1
    tables, too_many, too_few = [], 0, 0
    for part in dict.fromkeys([*wanted.counts, *with_flaws]):
        here, there = with_flaws.get(part, nothing), wanted.counts.get(part, nothing)
        if here != there:
            too_many += sum(max(0, a - b) for a, b in zip(here, there, strict=True))
            too_few += sum(max(0, b - a) for a, b in zip(here, there, strict=True))
            rows = [*zip(EMOTIONS, here, there, strict=True), ("total", sum(here), sum(there))]
            table = [(name, a, b, f"{a - b:+d}" if a != b else "") for name, a, b in rows]
            tables.append(tabulate(table, (part, "found", "expected", "difference"), colalign=("left", *["right"] * 3)))
    # What is short may be among the images whose class nobody could read.
    explained = too_many == 0 and too_few <= unknown
    if tables and not explained and not flaws.allow_incomplete:
        kind = "official" if wanted.origin == "real" else "synthetic"
        first = f"{where}: the images are not those of the {kind} {card.title}:"
        raise FerBenchError(
            "\n\n".join(filter(None, [first, *tables, "\n".join(noted)]))
            + "\n\nComplete the copy, or use --allow-incomplete; the prepared dataset then says that it is incomplete."
        )
    # One that was left out may be none of the official ones: then none of those is missing.
    return all(counts.get(part, nothing) == wanted.counts.get(part, nothing) for part in {*wanted.counts, *counts})
