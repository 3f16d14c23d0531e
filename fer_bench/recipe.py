"""The training protocol as a value: a frozen Recipe whose id is a hash of its content.

Source: paper, section IV (batch 64, Adam, 1e-4, categorical cross-entropy, 100 epochs, best validation accuracy).
"""

import dataclasses
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from fer_bench.errors import FerBenchError

Optimizer = Literal["adam", "sgd"]
Schedule = Literal["constant", "cosine"]
Balance = Literal["none", "class-weight", "oversample", "undersample"]
Precision = Literal["float32", "mixed_bfloat16"]

_NAME = re.compile(r"(?![_.])(?!.*__)[\w .,+=()-]{1,100}")
"""Of a recipe: part of the names of files, where two underscores separate."""


@dataclass(frozen=True)
class Augmentation:
    """Largest magnitudes of the random warp of a training image; each is drawn uniformly from ±its value.

    The paper names the kinds ("slight rotation, horizontal flip, shear and zoom range, width and height shifts",
    section IV-A) and publishes no magnitudes: these are fer-bench's choice and part of the recipe's id.
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

    def __post_init__(self) -> None:
        # A shear of 90 degrees and a scale of 0 leave nothing of the picture.
        largest = {"rotation": 180, "shear": 89, "zoom": 0.99, "width_shift": 1, "height_shift": 1}
        for field, limit in largest.items():
            if not 0 <= getattr(self, field) <= limit:
                raise FerBenchError(f"augmentation: {field} = {getattr(self, field)!r}, expected 0 to {limit}")


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
    """Highest learning rate of the schedule."""
    schedule: Schedule = "constant"
    """``cosine`` falls from the learning rate towards 0 over the epochs after the warm-up."""
    warmup_epochs: int = 0
    """Epochs over which the learning rate rises linearly."""
    batch_norm_momentum: float | None = None
    """Replaces the momentum of every batch-norm layer; ``None`` keeps each model's own (0.999 in MobileNetV2)."""
    dropout: float | None = None
    """Replaces the rate of every dropout layer; ``None`` keeps each model's own (0.5, twice, in CLCM)."""
    pretrained: tuple[str, ...] = ()
    """Models that start from ImageNet weights; all others start from random weights."""
    balance: Balance = "none"
    """What is done about classes of different size, see :mod:`fer_bench.balance`."""
    freeze_layers: int | None = None
    """Layers of the backbone, from the input on, that are not trained; ``None`` keeps each model's own (ten in CLCM).
    A frozen batch norm runs in inference mode: neither its weights nor its statistics change."""
    label_smoothing: float = 0.0
    """Probability that the training loss takes from the true class and spreads evenly over all; validation loss is
    plain."""
    weight_decay: float = 0.0
    """Decoupled (AdamW): a step takes this share, times the learning rate, off every weight; biases and batch norms
    are left alone."""
    precision: Precision = "float32"
    """What layers compute in. ``mixed_bfloat16``: all but dense ones in bfloat16, which GPUs of 2020 and later do
    faster; weights, batch-norm statistics, logits and loss stay float32."""
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise FerBenchError(
                f"recipe {self.name!r}: the name is part of file names; expected at most 100 letters, digits, spaces "
                "and .,+=()-_ without two underscores in a row, the first neither a point nor an underscore"
            )
        checks = {
            "image_size": 32 <= self.image_size <= 1024,
            "epochs": self.epochs >= 1,
            "batch_size": self.batch_size >= 2,
            "learning_rate": 0 < self.learning_rate <= 1,
            "optimizer": self.optimizer in get_args(Optimizer),
            "schedule": self.schedule in get_args(Schedule),
            "warmup_epochs": 0 <= self.warmup_epochs < self.epochs,
            "dropout": self.dropout is None or 0 <= self.dropout < 1,
            "batch_norm_momentum": self.batch_norm_momentum is None or 0 < self.batch_norm_momentum < 1,
            "balance": self.balance in get_args(Balance),
            "freeze_layers": self.freeze_layers is None or self.freeze_layers >= 0,
            "label_smoothing": 0 <= self.label_smoothing < 1,
            "weight_decay": 0 <= self.weight_decay < 1,
            "precision": self.precision in get_args(Precision),
        }
        for field, valid in checks.items():
            if not valid:
                raise FerBenchError(f"recipe {self.name!r}: {field} = {getattr(self, field)!r} is out of range")

    def content(self) -> dict[str, Any]:
        """Return every field but the name, as JSON-ready data: what the id is made from and records keep."""
        content = dataclasses.asdict(self)
        del content["name"]
        content["pretrained"] = sorted(self.pretrained)
        return content

    @property
    def id(self) -> str:
        """Name and the first eight hexadecimal digits of a SHA-256 of the content, e.g. ``paper-1a2b3c4d``.

        Fields at their default are left out of the hash, so that a field added later changes no old id; hence a
        default must never change.
        """
        told = _differing(self.content(), Recipe(name="default").content())
        canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
        return f"{self.name}-{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"

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
        """Return the recipe with every model starting from random weights: one recipe whichever models it is for."""
        return dataclasses.replace(self, pretrained=())

    def changed(self, *, balance: str | None = None, freeze_layers: int | None = None) -> "Recipe":
        """Return the recipe with what is given changed, which its name tells: ``paper+oversample+freeze0``.

        What it has already is no change: name and id stay.

        Raises:
            FerBenchError: a value out of range.
        """
        recipe = self
        if balance is not None and balance != recipe.balance:
            suffix = "unbalanced" if balance == "none" else balance
            recipe = dataclasses.replace(recipe, name=f"{recipe.name}+{suffix}", balance=cast(Balance, balance))
        if freeze_layers is not None and freeze_layers != recipe.freeze_layers:
            name = f"{recipe.name}+freeze{freeze_layers}"
            recipe = dataclasses.replace(recipe, name=name, freeze_layers=freeze_layers)
        return recipe


def _differing(content: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    """Return what of ``content`` differs from ``default``, in nested tables too."""
    told = {}
    for key, value in content.items():
        if isinstance(value, dict):
            value = _differing(value, default[key])
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
    """Return a value of a recipe for people; ``None`` leaves a model what it has."""
    if value is None:
        return "the model's own"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


PRESETS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        # Transfer learning is stated for CLCM only (section III-A-3). The start of the two baselines is
        # unpublished: random is this preset's choice.
        Recipe(name="paper", pretrained=("clcm",)),
        # The same but for what a GPU does 1.3 to 1.4 times as fast (an H100, 224 x 224, batch 64, on JAX).
        Recipe(name="paper-bf16", pretrained=("clcm",), precision="mixed_bfloat16"),
        # FER-2013's own 48 x 48 pixels, in the time that a CPU allows: not the paper's protocol, never shown as it.
        Recipe(
            name="cpu48",
            image_size=48,
            epochs=8,
            learning_rate=1e-3,
            schedule="cosine",
            warmup_epochs=1,
            batch_norm_momentum=0.99,
            pretrained=("clcm", "mobilenetv2-canonical"),
        ),
        # Some hundred steps from random weights on two cores. Each departure from the paper's protocol was measured:
        # Keras' batch-norm momentum of 0.999 leaves the statistics at their start, and with CLCM's two dropouts of
        # 0.5 its output stays uniform at every learning rate tried.
        Recipe(
            name="demo",
            image_size=48,
            epochs=13,
            batch_size=32,
            learning_rate=2e-3,
            schedule="cosine",
            warmup_epochs=1,
            batch_norm_momentum=0.9,
            dropout=0.0,
            augmentation=Augmentation(rotation=3, shear=1.5, zoom=0.03, width_shift=0.03, height_shift=0.03),
        ),
    )
}


def load_recipe(name_or_path: str) -> Recipe:
    """Return a preset by name, or a recipe from a TOML file, changed where it ends with ``+oversample``, ``+freeze0``.

    A file holds the fields of :class:`Recipe` (and a table ``[augmentation]``); ``base = "paper"`` starts from a
    preset. The name defaults to the file's.

    Raises:
        FerBenchError: no such preset or file, not TOML, an unknown key or a value of the wrong type or range.
    """
    if name_or_path in PRESETS:
        return PRESETS[name_or_path]
    before, plus, change = name_or_path.rpartition("+")
    if plus and (change == "unbalanced" or change in get_args(Balance)[1:]):
        return load_recipe(before).changed(balance="none" if change == "unbalanced" else change)
    if plus and (digits := change.removeprefix("freeze")) != change and digits.isdecimal():
        return load_recipe(before).changed(freeze_layers=int(digits))
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise FerBenchError(
            f"no recipe {name_or_path!r}: expected one of {', '.join(PRESETS)} or a path to a .toml file"
        )
    try:
        with path.open("rb") as stream:
            content = tomllib.load(stream)
    except OSError as error:
        raise FerBenchError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FerBenchError(f"{path}: not TOML ({error})") from error
    base = content.pop("base", "paper")
    if base not in PRESETS:
        raise FerBenchError(f"{path}: base = {base!r}, expected one of {', '.join(PRESETS)}")
    content.setdefault("name", path.stem)
    return recipe_from(content, base=PRESETS[base], where=str(path))


def recipe_from(content: dict[str, Any], *, base: Recipe, where: str) -> Recipe:
    """Return ``base`` with the fields of ``content`` replaced.

    Raises:
        FerBenchError: an unknown key or a value of the wrong type or range; the message begins with ``where``.
    """
    values = _checked(Recipe, content, where)
    changes = _checked(Augmentation, values.pop("augmentation", {}), f"{where}: [augmentation]")
    if "pretrained" in values:
        if not all(isinstance(model, str) for model in values["pretrained"]):
            raise FerBenchError(f"{where}: pretrained = {values['pretrained']!r}, expected names of models")
        values["pretrained"] = tuple(sorted(values["pretrained"]))
    try:
        return dataclasses.replace(base, augmentation=dataclasses.replace(base.augmentation, **changes), **values)
    except FerBenchError as error:
        raise FerBenchError(f"{where}: {error}") from error


def to_toml(recipe: Recipe, comment: str) -> str:
    """Return a file that :func:`load_recipe` reads as this recipe: what differs from ``paper``, after a comment."""

    def line(key: str, value: Any) -> str:
        # JSON's strings, numbers and lists of strings are TOML's too.
        return f"{key} = {json.dumps(value, ensure_ascii=False)}"

    told = _differing(recipe.content(), PRESETS["paper"].content())
    tables = {key: value for key, value in told.items() if isinstance(value, dict)}
    lines = [*(f"# {text}" for text in comment.splitlines()), line("name", recipe.name), line("base", "paper")]
    lines += [line(key, value) for key, value in told.items() if key not in tables]
    for key, table in tables.items():
        lines += ["", f"[{key}]", *(line(inner, value) for inner, value in table.items())]
    return "\n".join(lines) + "\n"


_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "image_size": (int,),
    "epochs": (int,),
    "batch_size": (int,),
    "optimizer": (str,),
    "learning_rate": (float, int),
    "schedule": (str,),
    "warmup_epochs": (int,),
    "batch_norm_momentum": (float, type(None)),
    "dropout": (float, int, type(None)),
    "pretrained": (list, tuple),
    "balance": (str,),
    "freeze_layers": (int, type(None)),
    "label_smoothing": (float, int),
    "weight_decay": (float, int),
    "precision": (str,),
    "augmentation": (dict,),
    "horizontal_flip": (bool,),
}


def _checked(cls: type, content: Any, where: str) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(cls)]
    for key, value in content.items():
        if key not in names:
            raise FerBenchError(f"{where}: unknown key {key!r}; expected one of {', '.join(names)}")
        types = _TYPES.get(key, (float, int))
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            expected = " or ".join(kind.__name__ for kind in types)
            raise FerBenchError(f"{where}: {key} = {value!r}, expected {expected}")
    return dict(content)
