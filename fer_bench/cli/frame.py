"""What every command has: ``--quiet``, ``--verbose``, and a line in the log of the workspace that it changes."""

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from fer_bench.cli.completion import BY_PARAMETER
from fer_bench.cli.options import is_written
from fer_bench.errors import FerBenchError
from fer_bench.files import expanded
from fer_bench.verbosity import set_level

READ_ONLY = frozenset(
    {
        "compare",
        "datasets",
        "doctor",
        "doctor labels",
        "grid",
        "help",
        "inspect",
        "leaderboard",
        "models",
        "predict",
        "status",
    }
)
"""Commands that change no workspace."""

PUBLISHED_BY_DEFAULT = frozenset({"audit-paper", "figures", "report", "tables"})
"""Commands that write the published state where neither --local nor a workspace is named."""

QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress; results, warnings and errors are still printed.")
]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Also print each epoch, what is kept of earlier runs, and tracebacks of errors."
    ),
]


def frame(app: typer.Typer, before: str = "") -> None:
    """Give every command of an application, and of its groups, what every command has.

    Args:
        app: whose commands are registered.
        before: the group's name and a space.
    """
    for command in app.registered_commands:
        if command.callback is not None:
            name = command.name or command.callback.__name__.replace("_", "-")
            command.callback = _framed(command.callback, before + name)
    for group in app.registered_groups:
        own = group.typer_instance
        if own is None or group.name is None:
            continue
        if own.registered_callback is not None and own.registered_callback.callback is not None:
            own.registered_callback.callback = _framed(own.registered_callback.callback, before + group.name)
        frame(own, f"{before}{group.name} ")


def begin(quiet: bool, verbose: bool) -> None:
    """Choose how much is said, before the command: ``fer-bench --quiet train ...``.

    Raises:
        FerBenchError: both are given.
    """
    if quiet and verbose:
        raise FerBenchError("--quiet and --verbose exclude each other; give one of them")
    set_level("quiet" if quiet else "verbose" if verbose else "normal")


def _framed(callback: Callable[..., Any], path: str) -> Callable[..., Any]:
    """Return a command with the common options behind its own, logged where it changes a workspace."""
    own = inspect.signature(callback, eval_str=True)
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=option)
        for name, option in (("quiet", QuietOption), ("verbose", VerboseOption))
    ]

    @functools.wraps(callback)
    def framed(quiet: bool, verbose: bool, **values: Any) -> Any:
        if quiet or verbose:
            begin(quiet, verbose)
        values = {name: _at_home(value) for name, value in values.items()}
        with _log_of(path, values):
            return callback(**values)

    framed.__doc__ = _flowing(inspect.getdoc(callback) or "")
    # Typer reads the options from here.
    parameters = [*map(_noted, own.parameters.values()), *common]
    framed.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    framed.__annotations__ = {**callback.__annotations__, "quiet": QuietOption, "verbose": VerboseOption}
    return framed


def _at_home(value: Any) -> Any:
    """Return a path that an option or argument gives with its ``~`` replaced, which the shell leaves in ``--out=~/x``.

    Without that it would name a folder ``~`` in the current one.

    Raises:
        FerBenchError: see :func:`fer_bench.files.expanded`.
    """
    return expanded(value) if isinstance(value, Path) else value


def _flowing(text: str) -> str:
    """Return a text with a line for each paragraph, which the terminal breaks at its own width.

    Of all paragraphs but the first Typer keeps the line breaks of the source: at 80 columns every line would be broken
    where the terminal ends, and again where the source's does.
    """
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _noted(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter whose paths are no empty words, and for whose values the shell offers what its name means."""
    if get_origin(parameter.annotation) is not Annotated:
        return parameter
    kind, *notes = get_args(parameter.annotation)
    notes = [copy.copy(note) for note in notes]  # Commands share the options of cli/options.py.
    for note in notes:
        note.autocompletion = BY_PARAMETER.get(parameter.name, note.autocompletion)
        if _is_of_paths(kind):
            note.parser = _path
    return parameter.replace(annotation=Annotated[kind, *notes])


def _is_of_paths(kind: Any) -> bool:
    return kind is Path or any(map(_is_of_paths, get_args(kind)))


def _path(given: str | Path) -> Path:
    """Return a path of the command line.

    Raises:
        typer.BadParameter: it is empty, such as of a variable that is not set: it would mean the current folder.
    """
    if given == "":
        raise typer.BadParameter("an empty path; name a file or a folder, . for the current one")
    return Path(given)


def _log_of(path: str, values: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Return the log of the workspace that a command changes with these options; without one nothing is logged."""
    workspace = values.get("workspace")
    context = values.get("context")
    # No isinstance: typer.Context is for annotations, and what a command gets is of a private class.
    named = context is not None and is_written(context, "workspace")
    local = values.get("local")
    if local is None:
        local = path not in PUBLISHED_BY_DEFAULT
    elsewhere = values.get("from_summary") or not (named or local)
    # Printed as JSON, what these would write is only read.
    elsewhere = elsewhere or (path in PUBLISHED_BY_DEFAULT and values.get("json"))
    # The page of an exported file, which names no dataset, takes nothing from the workspace.
    elsewhere = elsewhere or (path == "web-demo" and values.get("dataset") is None)
    if not isinstance(workspace, Path) or path in READ_ONLY or values.get("check") or elsewhere:
        return nullcontext()
    from fer_bench.log import command_line, logged

    return logged(workspace, command_line())
