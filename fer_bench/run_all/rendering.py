"""Everything that people read, made from the records at once, and whether that has been done."""

import hashlib
import json
from pathlib import Path

from fer_bench import source
from fer_bench.errors import FerBenchError
from fer_bench.files import read_json, sha256_of, write_json
from fer_bench.models import architecture
from fer_bench.workspace import Results


def render(results: Results) -> None:
    """Write tables, figures and report from the records, and a stamp that says from which."""
    from fer_bench.figures import build_figures, write_figures
    from fer_bench.render import write_tables
    from fer_bench.report import write_report
    from fer_bench.selection import select
    from fer_bench.tables import build_tables

    evidence = select(results)
    tables = build_tables(evidence)
    written = list(write_tables(tables, results.tables))
    drawings = build_figures(evidence)
    written += write_figures(drawings, results.figures)
    written += write_report(evidence, tables, drawings, results)
    write_json(
        _stamp(results),
        {"inputs": _inputs(results), "outputs": sorted(str(path.relative_to(_root(results))) for path in written)},
    )


def is_rendered(results: Results) -> bool:
    """Return whether tables, figures and report are there, made from these records by this state of fer-bench."""
    if not _stamp(results).is_file():
        return False
    try:
        stamp = read_json(_stamp(results))
        made, outputs = stamp["inputs"], [_root(results) / path for path in stamp["outputs"]]
    except (FerBenchError, LookupError, TypeError):  # Cut short, or edited.
        return False
    return made == _inputs(results) and all(path.is_file() for path in outputs)


def _root(results: Results) -> Path:
    return results.tables.parent


def _stamp(results: Results) -> Path:
    return results.reports / ".rendered.json"


def _inputs(results: Results) -> str:
    files = sorted(results.records.glob("*/*.json"))
    if results.selection.is_file():
        files.append(results.selection)
    # Tables 2 and 3 are made from the architectures, which are no module.
    own = (source.digest(), sha256_of(architecture.PATH))
    read = [(str(path.relative_to(results.records.parent)), sha256_of(path)) for path in files]
    return hashlib.sha256(json.dumps([own, read]).encode()).hexdigest()
