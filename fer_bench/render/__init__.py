"""Tables to Markdown, LaTeX, HTML and JSON; all formatting and escaping.

The same records give the same bytes: no dates, no paths, independent of the locale.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from fer_bench.files import text_difference, write_text
from fer_bench.render.document import to_json
from fer_bench.render.html import to_html
from fer_bench.render.latex import all_tex, to_latex
from fer_bench.render.markdown import to_markdown
from fer_bench.render.text import GENERATED
from fer_bench.tables.values import Table

__all__ = ["check_tables", "to_html", "to_json", "to_latex", "to_markdown", "write_tables"]

_OURS = re.compile(r"(table\d\d|robustness)\.(md|tex)")


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write ``tableNN.md`` and ``tableNN.tex`` for every table, and ``all.tex``; return their paths.

    Files of tables that are no longer made are removed.
    """
    contents = _contents(tables)
    for name, text in contents.items():
        write_text(folder / name, text)
    for name in _stale(folder, contents):
        (folder / name).unlink()
    return [folder / name for name in contents]


def check_tables(tables: Sequence[Table], folder: Path) -> str:
    """Return the unified diff from the files in ``folder`` to what :func:`write_tables` would write.

    Empty where they are equal. A missing file is compared with nothing, and a stale one with nothing.

    Raises:
        FerBenchError: a file is not readable as UTF-8 text.
    """
    contents = _contents(tables)
    expected = {**contents, **dict.fromkeys(_stale(folder, contents), "")}
    return "".join(
        text_difference(
            folder / name,
            text,
            source="from the records" if name in contents else "stale: no such table",
            command="fer-bench tables",
        )
        for name, text in sorted(expected.items())
    )


def _contents(tables: Sequence[Table]) -> dict[str, str]:
    contents = {}
    for table in tables:
        contents[f"{table.name}.md"] = f"<!-- {GENERATED} -->\n\n{to_markdown(table)}\n"
        contents[f"{table.name}.tex"] = f"{to_latex(table)}\n"
    contents["all.tex"] = f"{all_tex(tables)}\n"
    return contents


def _stale(folder: Path, contents: dict[str, str]) -> list[str]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in found if _OURS.fullmatch(path.name) and path.name not in contents)
