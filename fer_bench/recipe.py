"""The training protocol as a value: a frozen Recipe whose id is a hash of its content.

Source: paper, section IV (batch 64, Adam, 1e-4, categorical cross-entropy, 100 epochs, best validation accuracy).
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from fer_bench.errors import FerBenchError, number_of

Optimizer = Literal["adam", "sgd"]
Schedule = Literal["constant", "cosine"]
Balance = Literal["none", "class-weight", "oversample", "undersample"]
Precision = Literal["float32", "mixed_bfloat16"]

_NAME = re.compile(r"(?![_.])(?!.*__)[\w .,+=()-]{1,100}")
"""Names of recipes: they are part of file names, in which two underscores separate the parts."""
_NAME_BYTES = 100
"""Longest name in UTF-8: file systems limit the bytes of a file's name, not its letters."""

_LATEST = frozenset({"corruptions", "corrupted"})
"""Fields of the augmentation that records of this version may lack, because they came last."""
_LARGEST_BATCH = 65536
"""Larger than is of use with any of the datasets; a batch size with some digits too many would take all memory."""


@dataclass(frozen=True)
class Augmentation:
    """What is done to a training image by chance: a warp, and only where a recipe says so a corruption before it.

    The magnitudes are the largest of the warp; each is drawn uniformly from ±its value.

    The paper names the kinds ("slight rotation, horizontal flip, shear and zoom range, width and height shifts",
    section IV-A) and publishes no magnitudes: these are fer-bench's choice and part of the recipe's id. It speaks of
    "adding slightly modified copies" and of training sets "kept constant in their original number"; here every image is
    changed anew in every epoch, and none is added.
    """

    rotation: float = 10.0
    """Degrees."""
    shear: float = 5.0
    """Degrees."""
    zoom: float = 0.1
    """Fraction: the scale is drawn from 1 ± zoom."""
    width_shift: float = 0.1
    """Fraction of the width."""
    height_shift: float = 0.1
    """Fraction of the height."""
    horizontal_flip: bool = True
    """Mirror left and right with probability one half."""
    corruptions: tuple[str, ...] = ()
    """Which of :data:`fer_bench.corruptions.CORRUPTIONS` training images get, each one at most, with any severity, in
    the size in which they are read; the paper has none."""
    corrupted: float = 0.5
    """With what probability a training image gets one."""

    def __post_init__(self) -> None:
        # A shear of 90 degrees and a scale of 0 leave nothing of the picture.
        largest = {"rotation": 180, "shear": 89, "zoom": 0.99, "width_shift": 1, "height_shift": 1}
        for field, limit in largest.items():
            if not 0 <= getattr(self, field) <= limit:
                raise FerBenchError(f"augmentation: {field} = {getattr(self, field)!r}, expected 0 to {limit}")
        self._check_corruptions()

    def _check_corruptions(self) -> None:
        if not 0 < self.corrupted <= 1:
            raise FerBenchError(f"augmentation: corrupted = {self.corrupted!r}, expected above 0 and at most 1")
        if not self.corruptions:
            # Without any it changes nothing, and must not give the same training another id.
            if self.corrupted != Augmentation.corrupted:
                raise FerBenchError(
                    f"augmentation: corrupted = {self.corrupted!r} without corruptions; name them: "
                    'corruptions = ["noise", "blur"]'
                )
            return
        from fer_bench.corruptions import CORRUPTIONS

        for name in self.corruptions:
            if name not in CORRUPTIONS:
                raise FerBenchError(f"augmentation: corruptions: {name!r}, expected one of {', '.join(CORRUPTIONS)}")
            if self.corruptions.count(name) > 1:
                raise FerBenchError(f"augmentation: corruptions: {name} is named twice")


def _one_of(value: str, names: object) -> tuple[bool, str]:
    """Return whether a value is one of those of a ``Literal``, and a text that lists them."""
    return value in get_args(names), f"one of {', '.join(get_args(names))}"


@dataclass(frozen=True)
class Recipe:
    """One training protocol, the same for every model and dataset that it is applied to."""

    name: str
    """For people and file names: letters, digits, spaces and ``.,+=()-_``, no two underscores in a row."""
    image_size: int = 224
    """Height and width of the network's input, pixels."""
    epochs: int = 100
    batch_size: int = 64
    optimizer: Optimizer = "adam"
    learning_rate: float = 1e-4
    """The highest of the schedule: after the warm-up."""
    schedule: Schedule = "constant"
    """``cosine`` falls from the learning rate towards 0 over the epochs after the warm-up."""
    warmup_epochs: int = 0
    """Epochs over which the learning rate rises linearly."""
    batch_norm_momentum: float | None = None
    """Replaces the momentum of every batch-norm layer; ``None`` keeps each model's own (0.999 in MobileNetV2)."""
    dropout: float | None = None
    """Replaces the rate of every layer that drops features, of whatever kind; ``None`` keeps each model's own (0.5,
    twice, in CLCM)."""
    pretrained: tuple[str, ...] = ()
    """Models that start from ImageNet weights; all others start from random weights."""
    balance: Balance = "none"
    """What is done about classes of different size, see :mod:`fer_bench.training.balance`."""
    freeze_layers: int | None = None
    """How many layers of the backbone, counted from the input, are not trained; ``None`` keeps each model's own (ten in
    CLCM). A frozen batch norm runs in inference mode: neither its weights nor its statistics change."""
    label_smoothing: float = 0.0
    """Share of the target probability that the training loss takes from the true class and spreads evenly over all
    classes; the validation loss is never smoothed."""
    weight_decay: float = 0.0
    """Decoupled, as in AdamW: each step makes every weight smaller by this share times the learning rate; biases and
    batch norms are exempt."""
    precision: Precision = "float32"
    """In what the layers compute. ``mixed_bfloat16``: all but the dense and the last layers in bfloat16, in which GPUs
    from 2020 on are faster; weights, batch-norm statistics, logits and loss stay float32."""
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name.encode()) > _NAME_BYTES:
            raise FerBenchError(
                f"recipe {self.name!r}: the name is part of file names; expected at most 100 letters, digits, spaces "
                "and .,+=()-_ without two underscores in a row, the first neither a point nor an underscore"
            )
        rate = "at least 0 and below 1"
        checks = {
            "image_size": (32 <= self.image_size <= 1024, "32 to 1024"),
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (2 <= self.batch_size <= _LARGEST_BATCH, f"2 to {_LARGEST_BATCH}"),
            "learning_rate": (0 < self.learning_rate <= 1, "above 0 and at most 1"),
            "optimizer": _one_of(self.optimizer, Optimizer),
            "schedule": _one_of(self.schedule, Schedule),
            "warmup_epochs": (
                0 <= self.warmup_epochs < self.epochs,
                f"fewer than the {number_of(self.epochs, 'epoch')}",
            ),
            "dropout": (self.dropout is None or 0 <= self.dropout < 1, rate),
            "batch_norm_momentum": (
                self.batch_norm_momentum is None or 0 < self.batch_norm_momentum < 1,
                "above 0 and below 1",
            ),
            "balance": _one_of(self.balance, Balance),
            "freeze_layers": (self.freeze_layers is None or self.freeze_layers >= 0, "at least 0"),
            "label_smoothing": (0 <= self.label_smoothing < 1, rate),
            "weight_decay": (0 <= self.weight_decay < 1, rate),
            "precision": _one_of(self.precision, Precision),
        }
        for field, (valid, expected) in checks.items():
            if not valid:
                raise FerBenchError(
                    f"recipe {self.name!r}: {field} = {getattr(self, field)!r} is out of range; expected {expected}"
                )

    def content(self) -> dict[str, Any]:
        """Return every field but the name as JSON-ready data: records keep it, and the id is a hash of it."""
        content = dataclasses.asdict(self)
        del content["name"]
        content["pretrained"] = sorted(self.pretrained)
        content["augmentation"]["corruptions"] = sorted(self.augmentation.corruptions)
        return content

    @property
    def id(self) -> str:
        """Name and digest of the content, e.g. ``paper-1a2b3c4d``."""
        return f"{self.name}-{digest_of(self.content())}"

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        import math

        if epoch < self.warmup_epochs:
            return self.learning_rate * (epoch + 1) / (self.warmup_epochs + 1)
        if self.schedule == "constant":
            return self.learning_rate
        progress = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))

    def starting(self, model: str, *, pretrained: bool) -> "Recipe":
        """Return the recipe with ``model`` starting from ImageNet weights, or from random ones."""
        others = {name for name in self.pretrained if name != model}
        return dataclasses.replace(self, pretrained=tuple(sorted(others | ({model} if pretrained else set()))))

    def from_random(self) -> "Recipe":
        """Return the recipe with every model starting from random weights."""
        return dataclasses.replace(self, pretrained=())

    def changed(self, *, balance: str | None = None, freeze_layers: int | None = None) -> "Recipe":
        """Return the recipe with what is given changed, and the change in its name: ``paper+oversample+freeze0``.

        A value that the recipe has already changes neither name nor id. The name does not tell in which order changes
        came, nor what a later one undid: one training must not have two ids.

        Raises:
            FerBenchError: a value out of range.
        """
        changed = dataclasses.replace(
            self,
            balance=self.balance if balance is None else cast(Balance, balance),
            freeze_layers=self.freeze_layers if freeze_layers is None else freeze_layers,
        )
        before, after = self._suffixes(), changed._suffixes()
        freezing = self.name.endswith(before[1]) or before[1] != after[1]
        name = self.name.removesuffix(before[1])
        balancing = name.endswith(before[0]) or before[0] != after[0]
        name = name.removesuffix(before[0]) + (after[0] if balancing else "") + (after[1] if freezing else "")
        return dataclasses.replace(changed, name=name)

    def _suffixes(self) -> tuple[str, str]:
        """Return how a name tells the balance, and the frozen layers."""
        return f"+{'unbalanced' if self.balance == 'none' else self.balance}", f"+freeze{self.freeze_layers}"


def name_in(recipe_id: str) -> str:
    """Return the name of the recipe that has this id: the id without the digest at its end."""
    return recipe_id.rpartition("-")[0]


def digest_of(content: dict[str, Any]) -> str:
    """Return the first eight hexadecimal digits of a SHA-256 of a recipe's content.

    Fields at their default are left out of the hash, so that a field added later changes no old id; hence a default
    must never change.
    """
    told = differing(content, Recipe(name="default").content())
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def is_of_this_version(content: dict[str, Any]) -> bool:
    """Return whether a recipe's content has exactly the fields of this version: then its id can be checked.

    It may lack those that came last, which then had their default.
    """
    now = Recipe(name="default").content()
    augmentation = content.get("augmentation")
    if not isinstance(augmentation, dict) or content.keys() != now.keys():
        return False
    known = set(now["augmentation"])
    return known - _LATEST <= augmentation.keys() <= known


def differing(content: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    """Return the part of ``content`` that differs from ``default``, in nested tables too."""
    told = {}
    for key, value in content.items():
        if isinstance(value, dict) and isinstance(default[key], dict):
            value = differing(value, default[key])
            if value:
                told[key] = value
        elif value != default[key]:
            told[key] = value
    return told


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a recipe's content without nesting, as ``outer.inner``, sorted by name; tuples as lists."""
    found: dict[str, Any] = {}
    for key, value in sorted(content.items()):
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = list(value) if isinstance(value, tuple) else value
    return found


def shown(value: Any) -> str:
    """Return a value of a recipe as text for people; ``None`` means that each model keeps its own."""
    if value is None:
        return "the model's own"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
