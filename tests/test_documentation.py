"""What READMEs, help texts and messages tell the reader to type or to open, against what there is."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fer_bench.cli import app
from fer_bench.cli.manual import entries

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "fer_bench").rglob("README.md"))]
READMES = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
COMMAND = typer.main.get_command(app)
TOP = COMMAND.make_context("fer-bench", [], resilient_parsing=True)
BETWEEN_COMMANDS = {"&&", "||", "|", ";", ">", ">>"}


class DocumentationError(Exception):
    """What is written cannot be typed."""


def resolved(words: list[str]):
    """Return the context of the command that the words begin with, and the words behind it."""
    context, rest = TOP, list(words)
    while rest and rest[0] in getattr(context.command, "commands", {}):
        name = rest.pop(0)
        context = context.command.commands[name].make_context(name, [], parent=context, resilient_parsing=True)
    if hasattr(context.command, "commands") and rest and not rest[0].startswith("-"):
        raise DocumentationError(f"no command {rest[0]!r} in {context.command_path}")
    return context, rest


def check_names(words: list[str]) -> None:
    """Check that the command, and each option behind it, exists."""
    context, rest = resolved(words)
    known = {option for item in context.command.get_params(context) for option in (*item.opts, *item.secondary_opts)}
    for word in rest:
        if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known:
            raise DocumentationError(f"{context.command_path} has no option {word}")


def check_whole(words: list[str]) -> None:
    """Check that a whole command line is taken: nothing required is missing, every value is of its kind."""
    check_names(words)
    context, rest = resolved(words)
    try:
        context.command.make_context(context.info_name, rest, parent=context.parent)
    except Exception as error:  # Typer's usage errors, whose classes are Click's or its own, by version.
        raise DocumentationError(f"fer-bench {shlex.join(words)}: {error!r} {error}") from error


def in_blocks(text: str) -> Iterator[list[str]]:
    """Yield the words behind ``fer-bench`` of each command line in the shell blocks."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command: list[str] = []
            for word in [*shlex.split(line, comments=True), ";"]:
                if word in BETWEEN_COMMANDS:
                    if command and command[0].rpartition("/")[2] == "fer-bench":
                        yield command[1:]
                    command = []
                else:
                    command.append(word)


def inline(text: str) -> Iterator[list[str]]:
    """Yield the words of each command or option in the running text, with or without ``fer-bench`` before it."""
    for code in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        words = code.split()
        if words[0] == "fer-bench" and len(words) > 1:
            yield words[1:]
        elif words[0] in COMMAND.commands and len(words) > 1:
            yield words


def examples() -> list[str]:
    return [example for page in entries(TOP) for example in page.examples]


def in_messages() -> Iterator[tuple[str, list[str]]]:
    """Yield where, and the words behind ``fer-bench``, of what the program's texts tell the reader to run."""
    for path in sorted((ROOT / "fer_bench").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "".join(part.value if isinstance(part, ast.Constant) else "VALUE" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            for match in re.finditer(r"(run )?\bfer-bench ([^`\n;:,()&|]+)", text):
                words = [word.rstrip(".'\"") for word in match[2].split()]
                # "fer-bench draws faces" is a sentence; "run fer-bench draw" and "fer-bench draw --on" are commands.
                is_command = words[0] in COMMAND.commands or match[1] or any(word[:2] == "--" for word in words[1:2])
                if is_command and words[0] != "VALUE":
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", words


def test_a_wrong_command_line_is_found():
    for words, message in (
        ("trian --model clcm", "no command 'trian'"),
        ("train --modell clcm", "no option --modell"),
        ("doctor label", "no command 'label' in fer-bench doctor"),
        ("train --model clcm", "dataset"),
        ("train --model clcm --dataset fer2013 --devices none", "devices"),
        ("prepare fer2013 raf-db --source x", "extra"),
    ):
        with pytest.raises(DocumentationError, match=f"(?i){message}"):
            check_whole(words.split())


@pytest.mark.parametrize("words", list(in_blocks(READMES)), ids=shlex.join)
def test_the_command_lines_of_the_readmes_are_taken(words):
    check_whole(words)


def test_the_command_lines_of_the_readmes_can_be_pasted_into_zsh():
    """Which takes # for a word unless told otherwise, and macOS starts it so."""
    blocks = re.findall(r"```sh\n(.*?)```", READMES, re.DOTALL)
    assert len(blocks) > 10
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            assert shlex.split(line, comments=True) == shlex.split(line), line


def test_the_answer_that_the_readme_shows_is_the_commands(monkeypatch):
    [(line, answer)] = re.findall(r"```sh\n(.*)\n```\n\n```text\n([^`]+)```", READMES)
    monkeypatch.chdir(ROOT)
    given = CliRunner().invoke(app, shlex.split(line)[1:])
    assert given.exit_code == 0, given.output
    for part in answer.split("\n...\n"):
        assert " ".join(part.split()) in " ".join(given.stdout.split())


def test_commands_and_options_in_the_text_of_the_readmes_exist():
    found = list(inline(READMES))
    assert len(found) > 20
    for words in found:
        check_names(words)


def test_the_readmes_name_no_option_that_no_command_has():
    known = {
        option for page in entries(TOP) for name, _ in page.options for option in re.findall(r"--[a-z][a-z-]*", name)
    }
    named = {
        code.split()[0].partition("=")[0]
        for code in re.findall(r"`(--[^`]+)`", re.sub(r"```.*?```", "", READMES, flags=re.DOTALL))
    }
    assert named
    assert named <= known


def anchors(page: Path) -> set[str]:
    """Return what GitHub lets a link to a Markdown page name behind ``#``."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "page",
    [*PAGES, ROOT / "tests/benchmarks/README.md", *sorted((ROOT / "reports").glob("reproduction*.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_lead_to_files_and_headings_that_exist(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    wrong = []
    for link in links:
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_the_map_of_the_package_names_every_module_and_package():
    package = ROOT / "fer_bench"
    named = set(re.findall(r"`(\w+)/?`", (package / "README.md").read_text(encoding="utf-8").partition("Rules")[0]))
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    packages = {path.parent.name for path in package.glob("*/__init__.py")}
    assert named - {"__init__"} == modules | packages


@pytest.mark.parametrize("example", examples())
def test_the_examples_of_the_help_texts_are_taken(example):
    commands = list(in_blocks(f"```sh\n{example}\n```"))
    assert commands
    for words in commands:
        check_whole(words)


def test_messages_name_commands_and_options_that_exist():
    found = list(in_messages())
    assert len(found) > 30
    wrong = []
    for where, words in found:
        try:
            check_names(words)
        except DocumentationError as error:
            wrong.append(f"{where}: {error}")
    assert wrong == []
