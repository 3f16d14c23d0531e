"""The report of a benchmark: ``report.md``, and ``report.html`` as one file to pass on.

The text carries no dates: the same records give the same bytes (of the page, with the same matplotlib).
"""

from collections.abc import Sequence
from pathlib import Path

from fer_bench.figures import describe
from fer_bench.files import write_text
from fer_bench.report.document import Element, Heading, Paragraph, Picture, to_markdown, to_page
from fer_bench.report.provenance import how_it_was_run, how_to_run_again
from fer_bench.report.summary import beside_chance, summary
from fer_bench.selection import Evidence
from fer_bench.tables import Table

__all__ = ["write_report"]


def write_report(evidence: Evidence, tables: Sequence[Table], figures: Sequence[Path], folder: Path) -> list[Path]:
    """Write ``report.md`` and ``report.html`` and return their paths, in this order.

    Args:
        evidence: what the tables were made from.
        tables: Tables 1 to 11 (:func:`fer_bench.tables.build_tables`).
        figures: files of :func:`fer_bench.figures.write_figures`; the PNG ones are shown.
        folder: where the report goes; Markdown links to the figures relative to it, the page holds them.
    """
    elements = _elements(evidence, tables, figures)
    markdown, page = folder / "report.md", folder / "report.html"
    write_text(markdown, to_markdown(elements, folder))
    write_text(page, to_page(elements))
    return [markdown, page]


def _elements(evidence: Evidence, tables: Sequence[Table], figures: Sequence[Path]) -> list[Element]:
    title = "Facial emotion recognition with lightweight CNNs: benchmark report"
    elements: list[Element] = [
        Heading(1, f"{title} (synthetic faces, demo)" if evidence.synthetic else title),
        Paragraph(
            "MobileNetV2, CLCM and ShuffleNetV2 on FER-2013, RAF-DB, AffectNet and CK+ after M. C. Gursesli et al., "
            "IEEE Access 12, 2024, doi 10.1109/ACCESS.2024.3380847. Table numbers are that paper's."
        ),
        *summary(evidence),
        *beside_chance(evidence),
        Heading(2, "Tables"),
        *tables,
    ]
    pictures = [Picture(path, describe(path)) for path in figures if path.suffix == ".png"]
    if pictures:
        elements += [Heading(2, "Figures"), *pictures]
    return [*elements, *how_it_was_run(evidence), *how_to_run_again(evidence)]
