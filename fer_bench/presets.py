"""The recipes that come with fer-bench, and recipes in TOML files."""

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from fer_bench.errors import FerBenchError
from fer_bench.files import expanded
from fer_bench.recipe import Augmentation, Balance, Recipe, differing, name_in
from fer_bench.toml_table import Value, check_table

# FER-2013's own 48 x 48 pixels, in the time that a CPU allows: not the paper's protocol, never shown as it.
_CPU48 = Recipe(
    name="cpu48",
    image_size=48,
    epochs=8,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_epochs=1,
    batch_norm_momentum=0.99,
    pretrained=("clcm", "mobilenetv2-canonical"),
)

PRESETS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        # Transfer learning is stated for CLCM only (section III-A-3); that it is from ImageNet is not said, but Keras
        # has no other weights. The start of the two baselines is unpublished: random is this preset's choice.
        Recipe(name="paper", pretrained=("clcm",)),
        # The same but for what a GPU does 1.3 to 1.4 times as fast (an H100, 224 x 224, batch 64, on JAX).
        Recipe(name="paper-bf16", pretrained=("clcm",), precision="mixed_bfloat16"),
        _CPU48,
        # The same, enlarged: four times the work, and 7 to 11 points more on FER-2013 (reports/reproduction.md).
        dataclasses.replace(_CPU48, name="cpu96", image_size=96),
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

_T = TypeVar("_T", Recipe, Augmentation)


def load_recipe(name_or_path: str) -> Recipe:
    """Return a preset by name, or a recipe from a TOML file, changed where it ends with ``+oversample``, ``+freeze0``.

    A file holds the fields of :class:`Recipe` (and a table ``[augmentation]``); ``base = "paper"`` starts from a
    preset. The name defaults to the file's.

    Raises:
        FerBenchError: no such preset or file, not TOML, an unknown key or a value of the wrong type or range.
    """
    if name_or_path in PRESETS:
        return PRESETS[name_or_path]
    plain, changes = _taken_apart(name_or_path)
    if changes:
        return load_recipe(plain).changed(**changes)
    path = expanded(name_or_path)
    if path.suffix != ".toml":
        raise FerBenchError(
            f"no recipe {name_or_path!r}: expected one of {', '.join(PRESETS)} or a path to a .toml file"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")  # Notepad writes a mark of UTF-8 first.
    except OSError as error:
        raise FerBenchError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise FerBenchError(f"{path}: not TOML ({error})") from error
    return _from_toml(text, path)


def _taken_apart(recipe: str) -> tuple[str, dict[str, Any]]:
    """Return what stands before the changes that a name ends with, and these together; the last of a kind holds."""
    plain, changes = recipe, dict[str, Any]()
    before, change = _last_change(plain)
    while change:
        plain, changes = before, change | changes
        before, change = _last_change(plain)
    return plain, changes


def _last_change(recipe: str) -> tuple[str, dict[str, Any]]:
    """Return what stands before the last change that a name ends with, and the change; no change where none does."""
    before, plus, change = recipe.rpartition("+")
    if plus and (change == "unbalanced" or change in get_args(Balance)[1:]):
        return before, {"balance": "none" if change == "unbalanced" else change}
    digits = change.removeprefix("freeze")
    # No model has a million layers, and Python refuses a number of thousands of digits.
    if plus and digits != change and digits.isdecimal() and len(digits) < 7:
        return before, {"freeze_layers": int(digits)}
    return recipe, {}


def _from_toml(text: str, path: Path) -> Recipe:
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # The first also of a number of thousands of digits.
        raise FerBenchError(f"{path}: not TOML ({error})") from error
    base = content.pop("base", "paper")
    if not isinstance(base, str) or base not in PRESETS:
        raise FerBenchError(f"{path}: base = {base!r}, expected one of {', '.join(PRESETS)}")
    content.setdefault("name", path.stem)
    recipe = recipe_from(content, base=PRESETS[base], where=str(path))
    # A number has one form in the id: 15 is 15.0, unless the preset itself has it as 15.
    return dataclasses.replace(
        _in_one_form(recipe, PRESETS[base]),
        augmentation=_in_one_form(recipe.augmentation, PRESETS[base].augmentation),
        pretrained=tuple(dict.fromkeys(recipe.pretrained)),
    )


def own_id(recipe: str) -> str | None:
    """Return the id of a preset or of a recipe's file, changed or not; ``None`` of any other name, such as an id.

    Raises:
        FerBenchError: as :func:`load_recipe` of a file.
    """
    plain, _ = _taken_apart(recipe)
    return load_recipe(recipe).id if plain in PRESETS or Path(plain).suffix == ".toml" else None


def of_id(recipe_id: str, model: str) -> Recipe | None:
    """Return the recipe of an id where a preset gives it, changed as its name says, or by ``--weights`` of a model."""
    name = name_in(recipe_id)
    plain, _ = _taken_apart(name)
    if plain not in PRESETS:
        return None
    recipe = load_recipe(name)
    others = (recipe.from_random(), recipe.starting(model, pretrained=True))
    return next((one for one in (recipe, *others) if one.id == recipe_id), None)


def _in_one_form(values: _T, base: _T) -> _T:
    """Return a recipe or augmentation whose numbers are those of ``base`` where equal, else floats where one fits."""
    changes: dict[str, Any] = {}
    for name, kinds in ((field.name, _TYPES.get(field.name, (float, int))) for field in dataclasses.fields(values)):
        value, known = getattr(values, name), getattr(base, name)
        if float in kinds and type(value) in (int, float):
            changes[name] = known if known == value else float(value)
    return dataclasses.replace(values, **changes)


def recipe_from(content: dict[str, Any], *, base: Recipe, where: str) -> Recipe:
    """Return ``base`` with the fields of ``content`` replaced.

    Raises:
        FerBenchError: an unknown key or a value of the wrong type or range; the message begins with ``where``.
    """
    check_table(content, _keys(Recipe), where)
    values = dict(content)
    changes = dict(values.pop("augmentation", {}))
    check_table(changes, _keys(Augmentation), f"{where}: [augmentation]")
    for table, key, what in ((values, "pretrained", "models"), (changes, "corruptions", "corruptions")):
        if key in table:
            if not all(isinstance(name, str) for name in table[key]):
                raise FerBenchError(f"{where}: {key} = {table[key]!r}, expected names of {what}")
            table[key] = tuple(sorted(table[key]))
    try:
        return dataclasses.replace(base, augmentation=dataclasses.replace(base.augmentation, **changes), **values)
    except FerBenchError as error:
        raise FerBenchError(f"{where}: {error}") from error


def to_toml(recipe: Recipe, comment: str) -> str:
    """Return a file that :func:`load_recipe` reads as this recipe, after a comment.

    It tells what differs from ``paper``; or from another preset, where that has a number in a form that only a file
    based on it keeps, and so the id.

    Raises:
        ValueError: no file gives this recipe.
    """
    for base in PRESETS.values():
        text = _as_toml(recipe, comment, base)
        if text is not None and _from_toml(text, Path(f"{base.name}.toml")).id == recipe.id:
            return text
    raise ValueError(f"{recipe}: no file gives this recipe")


def _as_toml(recipe: Recipe, comment: str, base: Recipe) -> str | None:
    """Return a file of what differs from ``base``; ``None`` where that is a value that TOML has no word for."""

    def line(key: str, value: Any) -> str:
        # JSON's strings, numbers and lists of strings are TOML's too.
        return f"{key} = {json.dumps(value, ensure_ascii=False)}"

    told = differing(recipe.content(), base.content())
    if None in told.values():
        return None
    tables = {key: value for key, value in told.items() if isinstance(value, dict)}
    lines = [*(f"# {text}" for text in comment.splitlines()), line("name", recipe.name), line("base", base.name)]
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
    "corruptions": (list, tuple),
}

_WORDS = {
    str: "a text",
    float: "a number",
    int: "a whole number",
    list: "a list",
    dict: "a table",
    bool: "true or false",
}
"""What a message calls these, the wider of two first; TOML has no null."""


def _keys(cls: type) -> dict[str, Value]:
    """Return what each field of a recipe or augmentation may hold."""
    return {field.name: _one_of(_TYPES.get(field.name, (float, int))) for field in dataclasses.fields(cls)}


def _one_of(kinds: tuple[type, ...]) -> Value:
    def fits(value: Any) -> bool:
        return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))

    return Value(fits, next(word for kind, word in _WORDS.items() if kind in kinds))
