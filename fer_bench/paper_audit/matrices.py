"""The confusion matrices of Tables 8 and 9 against the sizes of the test sets."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

import numpy as np

from fer_bench import paper
from fer_bench.datasets import dataset_card
from fer_bench.emotions import EMOTIONS
from fer_bench.matrix_audit.audit import MatrixAudit, RowAudit, audit_matrix
from fer_bench.matrix_audit.printed import Printed, PrintedMatrix
from fer_bench.matrix_audit.rounded_rows import WAYS, Rounding, overlap, possible_supports, row_roundings
from fer_bench.paper_audit.findings import Finding, Verdict, listed

_NEUTRAL = EMOTIONS.index("neutral")
_DISGUST = EMOTIONS.index("disgust")


@dataclass(frozen=True)
class Audited:
    """One published matrix with the overall accuracy that stands in another table."""

    table: int
    """8 or 9."""
    dataset: str
    """Trained on."""
    model: str
    audit: MatrixAudit
    overall: int
    """Published in Table 4 (for Table 8) or 5 (for Table 9), percent."""

    @property
    def verdict(self) -> Verdict:
        """How the published overall accuracy fares."""
        needed = self.audit.needed(Printed(self.overall, 0))
        if overlap(needed, self.audit.correct):
            return Verdict.CONSISTENT
        return Verdict.DOUBTFUL if overlap(needed, self.audit.correct_if_adjusted) else Verdict.CONTRADICTS

    @property
    def class_mean(self) -> float:
        """Mean of the printed diagonal: mean accuracy of the classes, percent."""
        return sum(row.cells[index] for index, row in enumerate(self.audit.rows)) / len(self.audit.rows)


def images_per_class() -> dict[str, tuple[int, ...]]:
    """Return the test images per class, order of ``EMOTIONS``, that the matrices fit, by dataset; ``ck-plus`` too."""
    fer, ck = _counts("fer2013", "original"), _counts("ck-plus", "paper-432")
    return {
        "fer2013": _sum([fer["PublicTest"], fer["PrivateTest"]]),
        "raf-db": _counts("raf-db", "basic")["test"],
        "affectnet": _counts("affectnet", "seven")["val_set"],
        "ck-plus": _sum(list(ck.values())),
    }


def _counts(dataset: str, protocol: str) -> Mapping[str, tuple[int, ...]]:
    return dataset_card(dataset).protocol(protocol).counts or {}


def _sum(parts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*parts, strict=True)))


def audited_matrices() -> tuple[Audited, ...]:
    """Audit the 18 published matrices, Table 8 first."""
    supports = images_per_class()
    return tuple(
        Audited(table, dataset, model, audit_matrix(PrintedMatrix(EMOTIONS, rows, 0), images), overall[dataset][model])
        for table, matrices, overall in ((8, paper.TABLE8, paper.TABLE4), (9, paper.TABLE9, paper.TABLE5))
        for dataset, by_model in matrices.items()
        for images in [supports[dataset if table == 8 else "ck-plus"]]
        for model, rows in by_model.items()
    )


def matrix_findings(matrices: Sequence[Audited]) -> Iterator[Finding]:
    """Yield what the matrices say about their rows and the test sets."""
    for table in (8, 9):
        yield from _rows([matrix for matrix in matrices if matrix.table == table], table)
    yield from _sums(matrices)
    yield _fer2013()
    yield _ck_plus()


def _rows(matrices: Sequence[Audited], table: int) -> Iterator[Finding]:
    total = good = 0
    for matrix in matrices:
        for row in matrix.audit.rows:
            total += 1
            good += row.feasible
            if not row.feasible:
                yield _impossible(matrix, row)
    yield Finding(
        where=f"Table {table}",
        claim="The rows come from test sets of known size.",
        evidence=f"{good} of {total} rows are possible in whole images, rounded to the nearest.",
        verdict=Verdict.CONSISTENT,
    )


def _impossible(matrix: Audited, row: RowAudit) -> Finding:
    allowed = [way for way in WAYS if way in row.roundings]
    return Finding(
        where=f"Table {matrix.table}",
        dataset=matrix.dataset,
        model=matrix.model,
        emotion=row.name,
        claim=f"The row {' '.join(map(str, row.cells))}, sum {sum(row.cells)}, over {row.support:,} images.",
        evidence=f"{row.reason[0].upper()}{row.reason[1:]}.",
        verdict=Verdict.DOUBTFUL if allowed else Verdict.IMPOSSIBLE,
    )


def chance_of_hundred(categories: int) -> Fraction:
    """Return the probability that rounded percentages of so many categories, none of them empty, sum to exactly 100.

    Rounding errors spread evenly: the sum of the others' must stay below a half. Source: F. Mosteller, C. Youtz,
    D. Zahn, "The distribution of sums of rounded percentages", Demography 4, 1967.
    """
    free = categories - 1
    if free < 2:
        return Fraction(1)

    def below(x: Fraction) -> Fraction:
        terms = ((-1) ** i * math.comb(free, i) * (x - i) ** free for i in range(math.floor(x) + 1))
        return sum(terms, Fraction(0)) / math.factorial(free)

    middle, half = Fraction(free, 2), Fraction(1, 2)
    return below(middle + half) - below(middle - half)


def _sums(matrices: Sequence[Audited]) -> Iterator[Finding]:
    for table in (8, 9):
        rows = [row for matrix in matrices if matrix.table == table for row in matrix.audit.rows]
        hundred = sum(sum(row.cells) == 100 for row in rows)
        chances = [float(chance_of_hundred(sum(cell > 0 for cell in row.cells))) for row in rows]
        exactly = reduce(lambda known, chance: np.convolve(known, [1 - chance, chance]), chances, np.ones(1))
        at_least = float(exactly[hundred:].sum())
        others = ", ".join(str(s) for s in sorted({sum(row.cells) for row in rows} - {100}))
        strange = at_least < 0.001
        yield Finding(
            where=f"Table {table}",
            claim=f"{hundred} of {len(rows)} rows sum to exactly 100 (the others to {others}).",
            evidence=f"About {sum(chances):.0f} are expected of cells rounded on their own; the probability of as many "
            f"or more is {'below 1 in a million' if at_least < 1e-6 else f'{at_least:.2f}'}."
            + (" The rows seem to have been adjusted to sum to 100, which may move a cell by almost 1." * strange),
            verdict=Verdict.DOUBTFUL if strange else Verdict.CONSISTENT,
        )


def _fer2013() -> Finding:
    counts = _counts("fer2013", "original")
    public, private, train = counts["PublicTest"], counts["PrivateTest"], sum(counts["Training"])
    fits = []
    for name, images in (("PublicTest", public), ("PrivateTest", private), ("both", _sum([public, private]))):
        good = sum(
            any(way in WAYS for way in row_roundings(row, support, 0))
            for rows in paper.TABLE8["fer2013"].values()
            for row, support in zip(rows, images, strict=True)
        )
        fits.append(f"{good} of 21 rows on {name} ({sum(images):,} images)")
    disgust = _common([rows[_DISGUST] for rows in paper.TABLE8["fer2013"].values()], public[1] + private[1])
    both = sum(public) + sum(private)
    return Finding(
        where="Table 1, section V-A",
        dataset="fer2013",
        claim='"32,298 images from the FER-2013 database were utilized for training, testing, and validation"',
        evidence=f"32,298 is {train:,} + {sum(public):,}. Allowing every way to round, Table 8 fits {listed(fits)}: "
        f"the disgust rows, rounded to the nearest, need at least {disgust[0]} images, and the parts have {public[1]} "
        f"and {private[1]}. With {both:,} test images there are {train + both:,} in all.",
        verdict=Verdict.CONTRADICTS,
    )


def _ck_plus() -> Finding:
    images = images_per_class()["ck-plus"]
    smallest, neutral = [], ""
    for index, name in enumerate(EMOTIONS):
        rows = [rows[index] for by_model in paper.TABLE9.values() for rows in by_model.values()]
        fits = _common(rows, images[index])
        smallest.append(f"{name} {fits[0]} ({images[index]})")
        if index == _NEUTRAL:
            neutral = ", ".join(map(str, fits[:3]))
    return Finding(
        where="section II-A-4, Table 9",
        dataset="ck-plus",
        claim='"327 labeled images are categorized", "participation of 123 people"; Table 9 has a row neutral.',
        evidence="None of the 327 labelled sequences is neutral, so the neutral images come from elsewhere, and the "
        "paper does not say where. The fewest images that fit every possible row of Table 9, and in brackets those of "
        f"the labelled sequences and one neutral frame a subject: {listed(smallest)}. The neutral rows fit {neutral} "
        "and more, so 123 fits.",
        verdict=Verdict.DOUBTFUL,
    )


def _common(rows: Sequence[Sequence[int]], known: int) -> list[int]:
    """Return the numbers of images, up to 1,000, that fit every row but those that the known number does not fit."""
    fits = [possible_supports(row, 0, 1000) for row in rows if Rounding.NEAREST in row_roundings(row, known, 0)]
    return [int(images) for images in reduce(np.intersect1d, fits)]
