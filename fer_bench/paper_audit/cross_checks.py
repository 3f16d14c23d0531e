"""Tables 4, 5, 8, 9, 10 and 11 against each other: overall accuracies, and accuracies per class."""

from collections.abc import Iterator, Sequence

from fer_bench import paper
from fer_bench.matrix_audit.audit import MatrixAudit
from fer_bench.matrix_audit.printed import Printed
from fer_bench.matrix_audit.rounded_rows import Rounding, cell_counts, count_bounds, overlap, row_roundings
from fer_bench.paper_audit.findings import Finding, Verdict, listed
from fer_bench.paper_audit.matrices import Audited

_GAP = 10.0
"""Points between overall accuracy and mean accuracy of the classes from which on the two tell different stories."""


def cross_check_findings(matrices: Sequence[Audited]) -> Iterator[Finding]:
    """Yield what the tables say of one another."""
    yield from (_overall(matrix) for matrix in matrices)
    yield from _class_means(matrices)
    yield from _table10(matrices)
    yield _table11()


def _overall(matrix: Audited) -> Finding:
    audit, source = matrix.audit, 4 if matrix.table == 8 else 5
    needed = audit.needed(Printed(matrix.overall, 0))
    evidence = f"{_admitted(audit, audit.correct)}; {matrix.overall} % needs {needed[0]:,} to {needed[1]:,}."
    if matrix.verdict is not Verdict.CONSISTENT and audit.correct_if_adjusted != audit.correct:
        evidence += f" If the rows were adjusted to sum to 100: {_admitted(audit, audit.correct_if_adjusted)}."
    return Finding(
        where=f"Table {source}, Table {matrix.table}",
        dataset=matrix.dataset,
        model=matrix.model,
        claim=f"Overall accuracy {matrix.overall} %{' on CK+' if source == 5 else ''}.",
        evidence=f"Table {matrix.table} admits {evidence}",
        verdict=matrix.verdict,
    )


def _admitted(audit: MatrixAudit, correct: tuple[int, int]) -> str:
    low, high = audit.percent(correct)
    if correct[0] == correct[1]:
        return f"{low:.2f} % ({correct[0]:,} of {audit.total:,} images)"
    return f"{low:.2f} to {high:.2f} % ({correct[0]:,} to {correct[1]:,} of {audit.total:,} images)"


def _class_means(matrices: Sequence[Audited]) -> Iterator[Finding]:
    for dataset in paper.TRAINED_ON:
        chosen = [matrix for matrix in matrices if matrix.dataset == dataset and matrix.table == 8]
        gaps = [abs(matrix.overall - matrix.class_mean) for matrix in chosen]
        pairs = [f"{paper.MODEL_TITLES[m.model]} {m.class_mean:.1f} against {m.overall}" for m in chosen]
        far = max(gaps) >= _GAP
        yield Finding(
            where="Table 4, Table 8",
            dataset=dataset,
            claim="Models are compared by overall accuracy.",
            evidence=f"Mean accuracy of the classes against overall accuracy: {listed(pairs)}."
            + (" Frequent classes decide the overall accuracy." if far else ""),
            verdict=Verdict.DOUBTFUL if far else Verdict.CONSISTENT,
        )


def _table10(matrices: Sequence[Audited]) -> Iterator[Finding]:
    equal = 0
    for matrix in (matrix for matrix in matrices if matrix.table == 8):
        printed = paper.TABLE10[matrix.dataset][matrix.model]
        for index, (row, fraction) in enumerate(zip(matrix.audit.rows, printed, strict=True)):
            percent = round(100 * fraction)
            equal += percent == row.cells[index]
            if percent == row.cells[index]:
                continue
            other = (*row.cells[:index], percent, *row.cells[index + 1 :])
            possible = Rounding.NEAREST in row_roundings(other, row.support, 0)
            adjusted = cell_counts(row.cells, index, row.support, 0, Rounding.ADJUSTED)
            explained = adjusted and overlap(adjusted, count_bounds(percent, row.support, 0, Rounding.NEAREST))
            yield Finding(
                where="Table 10, Table 8",
                dataset=matrix.dataset,
                model=matrix.model,
                emotion=row.name,
                claim=f"Accuracy {fraction:.2f} of the class.",
                evidence=f"The diagonal of Table 8 says {row.cells[index]} %. Its row sums to {sum(row.cells)}; with "
                f"{percent} % it would sum to {sum(other)} and be {'possible too' if possible else 'impossible'}."
                + (f" Adjusted to sum to 100, {percent} may have become {row.cells[index]}." if explained else ""),
                verdict=Verdict.DOUBTFUL if explained else Verdict.CONTRADICTS,
            )
    yield Finding(
        where="Table 10, Table 8",
        claim="Accuracy per class.",
        evidence=f"{equal} of 63 values are the diagonal of Table 8.",
        verdict=Verdict.CONSISTENT,
    )


def _table11() -> Finding:
    own = {
        (dataset, entry.model): round(100 * entry.accuracy)
        for dataset, entries in paper.TABLE11.items()
        for entry in entries
        if entry.model is not None
    }
    equal = sum(
        own[dataset, model] == percent for dataset, row in paper.TABLE4.items() for model, percent in row.items()
    )
    return Finding(
        where="Table 11, Table 4",
        claim="Overall accuracies of the three models beside the literature's.",
        evidence=f"{equal} of {len(own)} values are those of Table 4.",
        verdict=Verdict.CONSISTENT if equal == len(own) else Verdict.CONTRADICTS,
    )
