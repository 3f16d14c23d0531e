"""What the shell offers for the values of options; Typer's own completion asks here."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.workspace import Workspace


_EXTERNAL_TOO = ("evaluate", "labels", "profile")
"""Commands that take models of add-onnx by name, beside others."""


def models(context: typer.Context, incomplete: str) -> list[str]:
    """Return the models that begin so; for some commands also the external ones in the workspace."""
    from fer_bench.external.model import external_names
    from fer_bench.models import built_in_cards, model_cards

    try:
        names = list(model_cards())
    except FerBenchError:  # As below.
        names = list(built_in_cards())
    if context.info_name in _EXTERNAL_TOO:
        names += external_names(_workspace(context))
    return _beginning(names, incomplete)


def datasets(context: typer.Context, incomplete: str) -> list[str]:
    """Return the datasets that begin so: those with a card, then others in the workspace; also behind a ``+``."""
    from fer_bench.lookup import dataset_names

    before, plus, last = incomplete.rpartition("+")
    return [f"{before}{plus}{name}" for name in _beginning(dataset_names(_workspace(context)), last)]


def _workspace(context: typer.Context) -> "Workspace":
    from fer_bench.workspace import DEFAULT_ROOT, Workspace

    workspace = context.params.get("workspace")  # A text in older versions of Typer.
    return Workspace(Path(workspace) if isinstance(workspace, str | Path) else DEFAULT_ROOT)


def recipes(incomplete: str) -> list[str]:
    """Return the presets that begin so; for a TOML file the shell offers files."""
    from fer_bench.presets import PRESETS

    return _beginning(PRESETS, incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


BY_PARAMETER: dict[str, Callable[..., list[str]]] = {
    "model": models,
    "dataset": datasets,
    "on": datasets,
    "recipe": recipes,
}
"""What is offered for a command's parameter of this name."""
