"""The manual: every command with its options, read from the command tree, as text or as source of a man page."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_bench import __version__
from fer_bench.workspace import ENVIRONMENT_VARIABLE

if TYPE_CHECKING:
    import typer

_EXAMPLE = "Example: "
_SECTIONS = (
    (
        "ENVIRONMENT",
        (
            (ENVIRONMENT_VARIABLE, "The workspace, where --workspace is not given."),
            ("KERAS_BACKEND", "Backend of Keras: tensorflow (the default), jax or torch."),
            ("NO_COLOR", "If set, no colours (bold stays)."),
            ("FORCE_COLOR", "If set, colours also where the output is no terminal; NO_COLOR goes before it."),
        ),
    ),
    ("FILES", (("WORKSPACE/fer-bench.log", "The commands that changed the workspace, and what they said."),)),
    (
        "EXIT STATUS",
        (
            ("0", "Done."),
            ("1", "What was checked is not as it should be (--check, doctor), or an error of the program."),
            ("2", "A mistake in the input: one message says which, and nothing half-written is left."),
            ("130", "Interrupted (Ctrl-C); the same command continues, or begins again, as it says."),
        ),
    ),
)


@dataclass(frozen=True)
class Entry:
    """What the manual says of one command."""

    usage: str
    paragraphs: tuple[str, ...]
    """Description, one line each."""
    examples: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    """Arguments and options as they are written, and their help."""


def entries(context: "typer.Context") -> Iterator[Entry]:
    """Yield the command of a context and all below it, each group before its commands."""
    from rich.text import Text

    command = context.command
    paragraphs = [
        " ".join(part.split()) for part in Text.from_markup(command.help or "").plain.split("\n\n") if part.strip()
    ]
    records = [record for item in command.get_params(context) if (record := item.get_help_record(context))]
    yield Entry(
        usage=" ".join([context.command_path, *command.collect_usage_pieces(context)]),
        paragraphs=tuple(part for part in paragraphs if not part.startswith(_EXAMPLE)),
        examples=tuple(part.removeprefix(_EXAMPLE) for part in paragraphs if part.startswith(_EXAMPLE)),
        # Older versions of Typer escape brackets for Rich.
        options=tuple((name, help_text.replace("\\[", "[")) for name, help_text in records),
    )
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from entries(below.make_context(name, [], parent=context, resilient_parsing=True))


def to_text(pages: list[Entry], width: int) -> str:
    """Return the manual as plain text of at most ``width`` columns."""
    blocks = []
    for page in pages:
        lines = [page.usage]
        lines += [_wrapped(paragraph, 4, width) for paragraph in page.paragraphs]
        lines += [f"    {_EXAMPLE}{example}" for example in page.examples]
        lines.append("\n".join(f"    {name}\n{_wrapped(text, 8, width)}".rstrip() for name, text in page.options))
        blocks.append("\n\n".join(lines))
    for title, items in _SECTIONS:
        blocks.append(
            f"{title}\n\n" + "\n".join(f"    {name}\n{_wrapped(text, 8, width)}".rstrip() for name, text in items)
        )
    return "\n\n\n".join(blocks) + "\n"


def to_man(pages: list[Entry]) -> str:
    """Return the manual as the source of a page for ``man``."""
    first, *others = pages
    lines = [f'.TH FER\\-BENCH 1 "" "fer\\-bench {_escaped(__version__)}" "User Commands"', ".SH NAME"]
    lines += [f"fer\\-bench \\- {_escaped(first.paragraphs[0])}", ".SH SYNOPSIS", _escaped(first.usage)]
    lines += [".SH DESCRIPTION", *_body(first), ".SH COMMANDS"]
    for page in others:
        lines += [f'.SS "{_escaped(page.usage)}"', *_body(page)]
    for title, items in _SECTIONS:
        lines += [f".SH {title}", *_tagged(items)]
    return "\n".join(lines) + "\n"


def _body(page: Entry) -> list[str]:
    lines = [line for paragraph in page.paragraphs for line in (".PP", _escaped(paragraph))]
    for example in page.examples:
        lines += [".PP", "Example:", ".PP", ".nf", ".RS", _escaped(example), ".RE", ".fi"]
    return lines + _tagged(page.options)


def _tagged(items: tuple[tuple[str, str], ...]) -> list[str]:
    return [line for name, text in items for line in (".TP", f"\\fB{_escaped(name)}\\fR", _escaped(text))]


def _wrapped(text: str, indent: int, width: int) -> str:
    space = " " * indent
    return textwrap.fill(text, width, initial_indent=space, subsequent_indent=space, break_on_hyphens=False)


def _escaped(text: str) -> str:
    """Return text as troff prints it: hyphens that can be copied, no line taken for a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
