"""The files of the report: what stands in them, writing them, and whether they are fresh."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from fer_bench.figures import Drawing, picture
from fer_bench.files import text_difference, write_text
from fer_bench.report.as_markdown import to_markdown
from fer_bench.report.as_page import to_page
from fer_bench.report.document import Element, Heading, Paragraph, Picture
from fer_bench.report.other_runs import other_runs
from fer_bench.report.provenance import how_it_was_run, how_to_run_again
from fer_bench.report.summary import beside_chance, summary
from fer_bench.report.verdicts import verdicts
from fer_bench.selection import Evidence
from fer_bench.tables import Table
from fer_bench.tables.values import Matrices, Matrix, Missing
from fer_bench.workspace import Results

_BYTES = re.compile(r"base64,([A-Za-z0-9+/=]{100,})")


def write_report(
    evidence: Evidence, tables: Sequence[Table], drawings: Sequence[Drawing], results: Results
) -> list[Path]:
    """Write ``report.md`` and ``report.html`` and return their paths, in this order.

    Args:
        evidence: what the tables were made from.
        tables: Tables 1 to 11, as many as there are (:func:`fer_bench.tables.build_tables`).
        drawings: the figures (:func:`fer_bench.figures.build_figures`), drawn already.
        results: where the figures lie and the report goes; Markdown links to the figures, the page holds them.

    Raises:
        FerBenchError: a figure's picture is missing.
    """
    contents = _contents(evidence, tables, drawings, results)
    for path, text in contents.items():
        write_text(path, text)
    return list(contents)


def check_report(evidence: Evidence, tables: Sequence[Table], drawings: Sequence[Drawing], results: Results) -> str:
    """Return the unified diff from the report's files to what :func:`write_report` would write; empty where equal.

    Pictures stand in it by their SHA-256. Whether they are fresh, :func:`fer_bench.figures.check_figures` tells.

    Raises:
        FerBenchError: as :func:`write_report`, or a file that is not readable as UTF-8 text.
    """
    return "".join(
        text_difference(path, text, source="from the records", command="fer-bench report", shown=_without_bytes)
        for path, text in _contents(evidence, tables, drawings, results).items()
    )


def _contents(
    evidence: Evidence, tables: Sequence[Table], drawings: Sequence[Drawing], results: Results
) -> dict[Path, str]:
    elements = _elements(evidence, tables, drawings, results.figures)
    return {
        results.reports / "report.md": to_markdown(elements, results.reports),
        results.reports / "report.html": to_page(elements),
    }


def _elements(evidence: Evidence, tables: Sequence[Table], drawings: Sequence[Drawing], figures: Path) -> list[Element]:
    title = "Facial emotion recognition with lightweight CNNs: benchmark report"
    elements: list[Element] = [
        Heading(1, f"{title} (synthetic faces, demo)" if evidence.synthetic else title),
        Paragraph(
            "MobileNetV2, CLCM and ShuffleNetV2 on FER-2013, RAF-DB, AffectNet and CK+ after M. C. Gursesli et al., "
            "IEEE Access 12, 2024, doi 10.1109/ACCESS.2024.3380847. Table numbers are that paper's."
        ),
        *summary(evidence),
        *verdicts(tables),
        *beside_chance(evidence),
        *other_runs(evidence),
        Heading(2, "Tables"),
        *map(_measured_only, tables),
    ]
    if drawings:
        elements += [Heading(2, "Figures"), *_pictures(drawings, figures)]
    return [*elements, *how_it_was_run(evidence), *how_to_run_again(evidence)]


def _pictures(drawings: Sequence[Drawing], folder: Path) -> Iterator[Picture]:
    for number, drawing in enumerate(drawings, start=1):
        yield Picture(
            number=number,
            name=drawing.name,
            title=drawing.title,
            caption=drawing.caption,
            png=picture(drawing, folder, "png"),
            pdf=picture(drawing, folder, "pdf"),
        )


def _measured_only(table: Table) -> Table:
    """Return a table without the confusion matrices that were not measured; a note names them."""
    left_out: list[str] = []
    blocks = []
    for block in table.blocks:
        if isinstance(block, Matrices):
            absent = [matrix for matrix in block.matrices if not _is_measured(matrix)]
            left_out += [f"{block.title}, {matrix.title}" for matrix in absent]
            block = replace(block, matrices=tuple(matrix for matrix in block.matrices if matrix not in absent))
            if not block.matrices:
                continue
        blocks.append(block)
    if not left_out:
        return table
    where = "" if table.synthetic else f"; beside the published ones they stand in {table.name}.md"
    note = f"Not run and not shown here{where}: {'; '.join(left_out)}."
    return replace(table, blocks=tuple(blocks), notes=(note, *table.notes))


def _is_measured(matrix: Matrix) -> bool:
    return any(not isinstance(value, Missing) for row in matrix.measured for value in row)


def _without_bytes(page: str) -> str:
    return _BYTES.sub(lambda found: f"(sha256 {hashlib.sha256(found[1].encode()).hexdigest()[:12]})", page)
