"""What AffectNet's expression codes and parts mean, for all of its layouts."""

from dataclasses import dataclass, field
from typing import Literal

from fer_bench.datasets.card import LEFT_OUT
from fer_bench.emotions import ANGRY, CONTEMPT, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE

CODES = (NEUTRAL, HAPPY, SAD, SURPRISE, FEAR, DISGUST, ANGRY)
"""Class index of the codes 0 to 6."""
CONTEMPT_CODE = 7
OTHER = {CONTEMPT_CODE: CONTEMPT, 8: "none", 9: "uncertain", 10: "no face"}
"""The codes that are none of the seven classes; only the older edition has those from 8."""
PARTS: dict[str, Literal["train", "test"]] = {"train_set": "train", "val_set": "test"}
"""The official parts, in the newer edition also their folders; the validation set is the paper's test set."""


@dataclass
class Labelling:
    """Reads codes as classes, and keeps account of what was met for the reading's label map and notes."""

    label_map: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _left_out: dict[int, dict[str, int]] = field(default_factory=dict)

    def label(self, code: int, part: str, name: str | None = None) -> int | None:
        """Return the class index of a code, 0 to 10, ``None`` where it is left out.

        Args:
            code: as in the official files.
            part: that the image belongs to.
            name: what the files call the code, for the label map; ``None`` where it is its number.
        """
        key = str(code) if name is None else name
        if code in OTHER:
            self.label_map[key] = LEFT_OUT
            counts = self._left_out.setdefault(code, {})
            counts[part] = counts.get(part, 0) + 1
            return None
        self.label_map[key] = EMOTIONS[CODES[code]]
        return CODES[code]

    def finish(self) -> None:
        """Complete ``notes`` after the last image."""
        for code, counts in sorted(self._left_out.items()):
            text = ", ".join(f"{count} {part}" for part, count in counts.items())
            what = "image" if sum(counts.values()) == 1 else "images"
            self.notes.append(
                f"{OTHER[code]} (code {code}) is none of the seven classes and was left out: {text} {what}"
            )
