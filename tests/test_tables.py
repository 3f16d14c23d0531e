"""What the tables say: the right value in the right cell."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import record_factory as make

from fer_bench import paper, records
from fer_bench.anova_result import (
    Form,
    Outcome,
    PairDifference,
    RankPair,
    Recommendation,
    RepeatedMeasures,
    WithinProcess,
)
from fer_bench.errors import FerBenchError
from fer_bench.records import LatencySample
from fer_bench.selection import Evidence, select
from fer_bench.session_anova import anova
from fer_bench.tables import Table, build_tables, chance
from fer_bench.tables.values import Cell, Grid, Matrices, Missing, Number, Pair, Text, mark_best, mean_of

DIAGONAL = tuple(tuple(10 if i == j else 0 for j in range(7)) for i in range(7))


def evidence_of(folder: Path, *matrices: tuple[str, str, str, object]) -> Evidence:
    results = make.results_in(folder)
    for model, dataset, target, matrix in matrices:
        make.save_eval(results, make.eval_record(model, dataset, target, matrix=matrix))
    return select(results)


def tables_of(evidence: Evidence) -> dict[int, Table]:
    return {table.number: table for table in build_tables(evidence)}


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, Table]]:
    tables = {}
    for origin in ("real", "synthetic"):
        results = make.results_in(tmp_path_factory.mktemp(origin))
        make.save_partial(results, origin=origin)
        tables[origin] = tables_of(select(results))
    return tables


def grid(table: Table, block: int = 0) -> Grid:
    found = table.blocks[block]
    assert isinstance(found, Grid)
    return found


def column(table: Table, name: str, block: int = 0) -> list[Cell]:
    found = grid(table, block)
    position = [item.title for item in found.columns].index(name)
    return [row[position] for row in found.rows]


def value(cell: Cell) -> float:
    assert isinstance(cell, Number)
    return cell.value


def test_tables_are_1_to_11_in_order(tmp_path: Path) -> None:
    tables = build_tables(select(make.results_in(tmp_path)))
    assert [table.number for table in tables] == list(range(1, 12))


def test_without_records_every_measured_cell_is_missing_and_the_published_stand(tmp_path: Path) -> None:
    tables = tables_of(select(make.results_in(tmp_path)))
    for number in (4, 5):
        assert all(cell == Missing() for cell in column(tables[number], "Measured"))
        assert all(cell == Missing() for cell in column(tables[number], "Difference (points)"))
    assert [value(cell) for cell in column(tables[4], "Published", 1)] == [73, 84, 80]
    assert [value(cell) for cell in column(tables[5], "Published", 2)] == [91, 91, 92]
    assert all(cell == Missing() for cell in column(tables[7], "Mean difference (s)"))
    matrices = tables[8].blocks[0]
    assert isinstance(matrices, Matrices)
    assert all(cell == Missing() for row in matrices.matrices[0].measured for cell in row)


def test_table_4_compares_with_the_paper(tmp_path: Path) -> None:
    matrix = [list(row) for row in DIAGONAL]
    matrix[0] = [3, 7, 0, 0, 0, 0, 0]  # 63 of 70 right: 90 %
    table = tables_of(evidence_of(tmp_path, ("clcm", "raf-db", "raf-db", matrix)))[4]
    measured, difference = column(table, "Measured", 1), column(table, "Difference (points)", 1)
    assert measured[0] == Missing()
    assert value(measured[1]) == pytest.approx(90)
    assert value(difference[1]) == pytest.approx(90 - 84)
    assert column(table, "Measured", 0) == [Missing()] * 3


def test_several_seeds_give_mean_deviation_and_their_number(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for seed, right in ((0, 10), (1, 6), (2, 8)):
        matrix = [list(row) for row in DIAGONAL]
        matrix[3] = [0, 0, 10 - right, right, 0, 0, 0]
        make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013", seed=seed, matrix=matrix))
    tables = tables_of(select(results))
    cell = column(tables[4], "Measured")[1]
    assert isinstance(cell, Number)
    assert cell.value == pytest.approx(100 * 68 / 70)
    assert cell.sd == pytest.approx(100 * 2 / 70)
    assert value(column(tables[4], "Runs")[1]) == 3
    # The matrix shows all three runs together: 24 of 30.
    matrices = tables[8].blocks[0]
    assert isinstance(matrices, Matrices)
    assert value(matrices.matrices[1].measured[3][3]) == pytest.approx(80)
    happy = grid(tables[10]).rows[3][2]
    assert isinstance(happy, Pair)
    assert isinstance(happy.measured, Number)
    assert happy.measured.value == pytest.approx(0.8)
    assert happy.measured.sd == pytest.approx(0.2)


def test_table_5_shows_the_cross_test_only(tmp_path: Path) -> None:
    wrong = [[0, 10, 0, 0, 0, 0, 0], *DIAGONAL[1:]]
    evidence = evidence_of(tmp_path, ("clcm", "fer2013", "fer2013", DIAGONAL), ("clcm", "fer2013", "ck-plus", wrong))
    tables = tables_of(evidence)
    assert value(column(tables[4], "Measured")[1]) == 100
    assert value(column(tables[5], "Measured")[1]) == pytest.approx(600 / 7)


def test_table_6_gives_paper_rule_gflops_and_ratios(partial: dict[str, dict[int, Table]]) -> None:
    table = partial["real"][6]
    assert [round(value(cell), 4) for cell in column(table, "GFLOPs")] == [0.6016, 0.5994, 0.9743]
    assert [value(cell) for cell in column(table, "Trainable parameters")] == [3_511_879, 2_393_191, 3_997_795]
    ratios = [value(cell) for cell in column(table, "Ratio to CLCM", 1)]
    assert ratios == pytest.approx([1 / 0.86, 1, 1.08 / 0.86], rel=0.01)
    published = [value(row[6]) for row in grid(table, 1).rows]
    assert published == pytest.approx([0.0584 / 0.0502, 1, 0.0633 / 0.0502])
    assert [isinstance(row[1], Number) and row[1].best for row in grid(table, 1).rows] == [False, True, False]
    assert [block.title for block in table.blocks][1:] == [
        "Inference time, keras-predict",
        "Inference time, keras-call",
    ]
    # The paper's columns in its order, then the published values and the verdicts.
    assert [item.title for item in grid(table).columns[:4]] == [
        "Model",
        "Trainable parameters",
        "GFLOPs",
        "Mean time (s)",
    ]
    assert {(row[5], row[7]) for row in grid(table).rows} == {(Text("exact"), Text("exact"))}
    order = "CLCM, MobileNetV2, ShuffleNetV2"
    assert any(f"From fast to slow: {order}; published: {order}." in note for note in table.notes)


def test_table_6_says_what_is_not_exact(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    profile = make.profile_record("clcm")
    records.save(results.records, replace(profile, flops_paper_rule=599_500_000, trainable_parameters=2_393_190))
    rows = grid(tables_of(select(results))[6]).rows
    assert (rows[1][5], rows[1][7]) == (Text("not exact"), Text("not exact"))
    assert (rows[2][5], rows[2][7]) == (Text("not run"), Text("not run"))
    records.save(results.records, replace(make.profile_record("clcm"), image_size=96))
    row = grid(tables_of(select(results))[6]).rows[1]
    assert (row[5], row[7]) == (Text("exact"), Text("not comparable"))


@pytest.mark.parametrize(("processes", "calls"), [(1, 50), (5, 10)])
def test_table_6_says_where_its_calls_are_of_several_processes(tmp_path: Path, processes: int, calls: int) -> None:
    """Its N counts calls, over whose root no error of a mean may be computed."""
    results = make.results_in(tmp_path)
    for model in paper.MODELS:
        own = [
            LatencySample(order=3 * i, seconds=0.05 + 0.001 * (i % 7), process=i // calls)
            for i in range(processes * calls)
        ]
        records.save(results.records, replace(make.profile_record(model), latency={"keras-predict": tuple(own)}))
    told = " ".join(tables_of(select(results))[6].notes)
    assert ("N single-image calls, made in 5 processes. Calls of one process are slow or fast together" in told) == (
        processes == 5
    )


def test_table_6_without_clcm_has_no_ratios(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    records.save(results.records, make.profile_record("mobilenetv2"))
    table = tables_of(select(results))[6]
    assert column(table, "Ratio to CLCM", 1) == [Missing()] * 3
    assert value(column(table, "Mean time (s)", 1)[0]) > 0


def test_table_7_has_the_six_pairs_in_the_papers_order(partial: dict[str, dict[int, Table]]) -> None:
    table = partial["real"][7]
    rows = grid(table).rows
    assert [(row[0], row[1]) for row in rows[:3]] == [
        (Text("MobileNetV2"), Text("CLCM")),
        (Text("MobileNetV2"), Text("ShuffleNetV2")),
        (Text("CLCM"), Text("MobileNetV2")),
    ]
    assert value(rows[0][2]) == -value(rows[2][2]) > 0
    assert [isinstance(row[2], Number) and row[2].star for row in rows] == [True, False, True, True, False, True]


APART, SAME, TURNED = "not told apart", "as published", "reversed"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("welch", [SAME, SAME, SAME, SAME, SAME, SAME]),
        ("anova", [SAME, APART, SAME, SAME, APART, SAME]),
        (None, [SAME, APART, SAME, SAME, APART, SAME]),
        ("kruskal", [TURNED, APART, TURNED, SAME, APART, SAME]),
        ("none", [APART] * 6),
        ("not run", ["not run"] * 6),
    ],
)
def test_table_7_compares_the_order_by_the_form_to_believe(
    tmp_path: Path, form: Form | Literal["not run"] | None, expected: list[str]
) -> None:
    results = make.results_in(tmp_path)
    for model in paper.MODELS:
        records.save(results.records, make.profile_record(model))
    if form != "not run":
        # Games-Howell finds every difference, Tukey all but one, Dunn turns one round.
        record = make.save_statistics(results)
        turned = {"mobilenetv2", "clcm"}
        dunn = tuple(
            RankPair(
                a=pair.a,
                b=pair.b,
                difference=-pair.difference if {pair.a, pair.b} == turned else pair.difference,
                z=3.0,
                p=pair.p,
                significant=pair.significant,
            )
            for pair in record.pairs
        )
        recommended = Recommendation(form=form, sentence="Made up.") if form else None
        records.save(results.records, replace(record, dunn=dunn, recommended=recommended))
    assert column(tables_of(select(results))[7], "Order") == [Text(text) for text in expected]


def test_the_notes_of_table_7_follow_its_blocks(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for model in paper.MODELS:
        records.save(results.records, make.profile_record(model))
    for runtime in ("keras-call", "keras-predict"):
        make.save_statistics(results, runtime=runtime)
    table = tables_of(select(results))[7]
    runtimes = [note.split(":")[0].removeprefix("* ") for note in table.notes if note.startswith("* keras")]
    assert [block.title.removeprefix("Inference time, ") for block in table.blocks] == runtimes


def test_the_notes_of_table_7_give_every_form_and_where_its_stars_differ(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for model in paper.MODELS:
        records.save(results.records, make.profile_record(model))
    record = make.save_statistics(results)

    def pairs(*significant: set[str]) -> tuple[PairDifference, ...]:
        told = [{pair.a, pair.b} in significant for pair in record.pairs]
        return tuple(
            replace(pair, p=0.0321 if starred else 0.2, significant=starred)
            for pair, starred in zip(record.pairs, told, strict=True)
        )

    # Tukey's stars are those of CLCM and either of the others.
    repeated = RepeatedMeasures(
        block="call",
        blocks=50,
        f=12.345,
        p=0.0011,
        df=(2, 98),
        epsilon=0.6,
        p_corrected=0.0123,
        block_effect=Outcome(statistic=1.0, p=0.5),
        ljung_box_p=None,
        pairs=pairs({"mobilenetv2", "shufflenetv2"}, {"clcm", "shufflenetv2"}),
    )
    within = WithinProcess(
        process=0,
        n={"mobilenetv2": 50, "clcm": 50, "shufflenetv2": 49},
        mean=record.mean,
        sd=record.sd,
        f=3.456,
        p=0.0345,
        df=(2, 146),
        pairs=pairs(),
    )
    recommended = Recommendation(form="repeated_measures", sentence="Made up.")
    records.save(
        results.records, replace(record, repeated_measures=repeated, within_process=within, recommended=recommended)
    )
    table = tables_of(select(results))[7]
    assert not any("The paired t-tests take" in note for note in table.notes)
    assert (
        "keras-predict, repeated measures over 50 blocks of calls: F(2, 98) = 12.35, p = 0.012 (Greenhouse-Geisser); "
        "paired differences: a star also for MobileNetV2 and ShuffleNetV2; no star for CLCM and MobileNetV2."
    ) in table.notes
    assert (
        "keras-predict, descriptive: over the 49 to 50 calls of one process F(2, 146) = 3.46, p = 0.035: no star for "
        "CLCM and MobileNetV2, CLCM and ShuffleNetV2."
    ) in table.notes
    assert column(table, "p, paired t") == [Text(p) for p in ("0.200", "0.032", "0.200", "0.032", "0.032", "0.032")]


def test_an_order_by_ranks_that_a_mean_difference_contradicts_is_explained(tmp_path: Path) -> None:
    """Two slow calls of twenty: CLCM is the fastest in eighteen, and its mean the longest."""
    results = make.results_in(tmp_path)
    generator = np.random.default_rng(0)
    for place, (model, mean) in enumerate({"mobilenetv2": 0.012, "clcm": 0.010, "shufflenetv2": 0.011}.items()):
        times = mean + generator.normal(0, 0.0002, 20)
        if model == "clcm":
            times[[3, 11]] = 0.04
        calls = tuple(LatencySample(order=3 * i + place, seconds=float(time)) for i, time in enumerate(times))
        records.save(results.records, replace(make.profile_record(model), latency={"keras-predict": calls}))
    anova(results, "keras-predict")
    table = tables_of(select(results))[7]
    assert value(column(table, "Mean difference (s)")[0]) < 0 < value(column(table, "Published (s)")[0])
    assert column(table, "Order")[0] == Text("as published")
    [told] = [note for note in table.notes if note.startswith("keras-predict, by ranks: Kruskal-Wallis H(2) = ")]
    assert told.endswith("a mean difference may have the other sign.")
    assert "Dunn: a star also for CLCM and ShuffleNetV2, MobileNetV2 and CLCM, MobileNetV2 and ShuffleNetV2." in told


def test_the_papers_rows_of_table_7_are_a_family_of_their_own(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for model in (*paper.MODELS, "resnet50"):
        records.save(results.records, make.profile_record(model))
    make.save_statistics(results, star_above=1)  # No star.
    alone = make.save_statistics(results, family="paper", star_above=0)  # Stars everywhere.
    table = tables_of(select(results))[7]
    stars = {row[0]: row[2].star for row in table.blocks[0].rows}
    assert stars == {
        **{Text(title): True for title in ("MobileNetV2", "CLCM", "ShuffleNetV2")},
        Text("ResNet-50 †"): False,
    }
    assert column(table, "p, Games-Howell") == [Text("< 0.001")] * 9
    told = [note for note in table.notes if "keras-predict: " in note]
    assert told[0].startswith("* keras-predict: the difference is significant at the 0.05 level (Tukey's HSD); 3 pairs")
    assert "3 pairs of the paper's models alone; one-way ANOVA over 50 calls of each in one process" in told[0]
    assert told[-1].startswith("† keras-predict: 6 pairs of all 4 models of the session; one-way ANOVA over 50 calls")
    # The form to believe may be another one.
    records.save(
        results.records, replace(alone, recommended=Recommendation(form="anova", sentence="Believe Tukey's: made up."))
    )
    table = tables_of(select(results))[7]
    assert column(table, "p, Tukey or Games-Howell") == [*[Text("< 0.001")] * 6, *[Text("< 0.001")] * 3]
    [whole] = [note for note in table.notes if note.startswith("† keras-predict")]
    assert whole.endswith("Believe Welch's ANOVA with Games-Howell: made up.")
    # Of an earlier version, which made none of the paper's models alone: shown, and said.
    records.path_of(results.records, alone).unlink()
    table = tables_of(select(results))[7]
    assert not any(row[2].star for row in table.blocks[0].rows)
    assert any("(Tukey's HSD); 6 pairs of all 4 models of the session" in note for note in table.notes)


def test_table_9_keeps_the_papers_order(partial: dict[str, dict[int, Table]]) -> None:
    table = partial["real"][9]
    assert [block.title for block in table.blocks] == ["CLCM", "MobileNetV2", "ShuffleNetV2"]
    block = table.blocks[1]
    assert isinstance(block, Matrices)
    assert [m.title for m in block.matrices] == [f"trained on {name}" for name in ("RAF-DB", "AffectNet", "FER-2013")]
    measured, published = block.matrices[2].measured, block.matrices[2].published
    assert published is not None
    assert [value(cell) for cell in published[0]] == [9, 0, 0, 0, 42, 49, 0]
    counts = make.counts("ck-plus", "mobilenetv2", 0)
    assert [value(cell) for cell in measured[0]] == pytest.approx([100 * count / 45 for count in counts[0]])


def test_a_class_without_images_is_missing_not_zero(tmp_path: Path) -> None:
    matrix = [[0] * 7, *DIAGONAL[1:]]
    tables = tables_of(evidence_of(tmp_path, ("clcm", "fer2013", "fer2013", matrix)))
    matrices = tables[8].blocks[0]
    assert isinstance(matrices, Matrices)
    assert matrices.matrices[1].measured[0] == (Missing(),) * 7
    angry = grid(tables[10]).rows[0][2]
    assert isinstance(angry, Pair)
    assert angry.measured == Missing()


def test_table_11_keeps_the_papers_rows_and_marks_the_literature(partial: dict[str, dict[int, Table]]) -> None:
    table = partial["real"][11]
    assert [value(cell) for cell in column(table, "Published")] == [
        entry.accuracy for entry in paper.TABLE11["fer2013"]
    ]
    rows = {row[0]: row for row in grid(table).rows}
    assert rows[Text("FERC [70]")][2:] == (Text(""), Text(""), Text("protocol may differ"))
    assert isinstance(rows[Text("CLCM (Ours)")][2], Number)
    assert rows[Text("CLCM (Ours)")][4] == Text("inconclusive")
    assert grid(table, 2).rows[5][2:] == (Missing(), Text("not run"))


def test_synthetic_results_stand_alone(partial: dict[str, dict[int, Table]]) -> None:
    for number in range(4, 12):
        table = partial["synthetic"][number]
        assert table.caption.endswith("(synthetic faces, demo)")
        assert not any("ublished" in note for note in table.notes)
        for block in table.blocks:
            if isinstance(block, Matrices):
                assert all(matrix.published is None for matrix in block.matrices)
            else:
                assert not any("ublished" in item.title for item in block.columns)
                assert not any(isinstance(cell, Pair) for row in block.rows for cell in row)
    methods = [row[0] for row in grid(partial["synthetic"][11]).rows]
    assert methods == [Text("MobileNetV2"), Text("CLCM"), Text("ShuffleNetV2")]
    assert all(not table.caption.endswith("demo)") for table in partial["real"].values())
    # What comes from cards and graphs is not synthetic.
    assert all(not partial["synthetic"][number].synthetic for number in (1, 2, 3))


def test_notes_say_where_the_values_come_from(partial: dict[str, dict[int, Table]]) -> None:
    note = next(note for note in partial["real"][4].notes if note.startswith("FER-2013:"))
    for part in (
        "recipe paper-0123abcd (224 px, 100 epochs)",
        "seed 0 (MobileNetV2, ShuffleNetV2), seeds 0, 1 (CLCM)",
        "backend tensorflow",
        f"dataset {make.digest('real fer2013')[:12]};",
        "tested on 7,178 FER-2013 images",
        f"CLCM ImageNet (mobilenet_v2.h5, sha256 {make.digest('imagenet')[:12]})",
        "ShuffleNetV2 random",
    ):
        assert part in note
    assert "AffectNet: no records." in partial["real"][4].notes
    assert any("Test CPU @ 2.00 GHz" in note for note in partial["real"][6].notes)
    cross = next(note for note in partial["real"][5].notes if note.startswith("FER-2013:"))
    assert f"432 CK+ images {make.digest('real ck-plus')[:12]}" in cross


def test_best_marks_equals_and_needs_a_rival() -> None:
    def number(x: float) -> Number:
        return Number(value=x, decimals=1)

    def marks(cells: list[Cell], *, lowest: bool = False) -> list[bool]:
        rows = mark_best([(cell,) for cell in cells], 0, lowest=lowest)
        return [isinstance(cell, Number) and cell.best for (cell,) in rows]

    assert marks([number(1), Missing(), number(2.04), number(2.01)]) == [False, False, True, True]
    assert marks([number(1), Missing(), number(2)], lowest=True) == [True, False, False]
    assert marks([number(1), Missing()]) == [False, False]
    assert marks([number(0), number(0.01), number(0)]) == [False] * 3, "all alike as printed: none is best"


def test_always_answering_the_most_frequent_class_is_the_level_of_chance() -> None:
    assert chance.level(((10, 20), (5, 5))) == 0.75


def test_above_chance_is_two_standard_errors_above() -> None:
    """Of a hundred images, half of each class: 50 %, with a standard error of 5 points."""

    def run(right: int) -> tuple[tuple[int, int], tuple[int, int]]:
        return (50, 0), (100 - right, right - 50)

    assert not chance.is_above([run(60)])
    assert chance.is_above([run(61)])
    # The mean of the runs counts, of a test set of the same size.
    assert not chance.is_above([run(61), run(58)])
    assert chance.is_above([run(64), run(58)])
    assert not chance.is_above([])
    # 9 images of 10 are of one class: a standard error of 3 points.
    assert not chance.is_above([((90, 0), (4, 6))])
    assert chance.is_above([((90, 0), (3, 7))])


@pytest.mark.parametrize(("other", "best"), [(10, []), (40, [Text("MobileNetV2")])])
def test_a_model_that_always_gives_one_answer_is_best_of_nothing(tmp_path: Path, other: int, best: list[Cell]) -> None:
    """24.7 % of FER-2013's test images are happy ones: more than 10 % are, and yet no model has recognised anything."""
    happy = [[images if guess == 3 else 0 for guess in range(7)] for images in make.SUPPORT["fer2013"]]
    evidence = evidence_of(
        tmp_path,
        ("clcm", "fer2013", "fer2013", happy),
        ("mobilenetv2", "fer2013", "fer2013", make.near("fer2013", other)),
    )
    tables = tables_of(evidence)
    for number in (4, 11):
        rows = zip(grid(tables[number]).rows, column(tables[number], "Measured"), strict=True)
        assert [row[0] for row, cell in rows if isinstance(cell, Number) and cell.best] == best, number


def test_mean_of_never_guesses() -> None:
    assert mean_of([], decimals=1) == Missing()
    assert mean_of([1.0, float("nan")], decimals=1) == Missing()
    with pytest.raises(FerBenchError, match="finite"):
        mean_of([float("inf")], decimals=1)


def test_models_beyond_the_paper_have_rows_below_its_own(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for model in (*paper.MODELS, "mobilenetv2-canonical", "my-net"):
        make.save_run(results, model, "fer2013")
        records.save(results.records, make.profile_record(model))
    make.save_run(results, "clcm", "raf-db")
    tables = tables_of(select(results))
    marked = [Text("MobileNetV2 (usual head) †"), Text("my-net †")]
    for number, blocks in ((4, (0,)), (5, (0,)), (6, (0, 1, 2)), (11, (0,))):
        for block in blocks:
            found = grid(tables[number], block)
            assert [row[0] for row in found.rows][-2:] == marked, number
            assert found.beyond == 2
            assert [isinstance(row[0], Text) and row[0].text.endswith("†") for row in found.rows].count(True) == 2
    # Another dataset's block has no rows of models that were not trained on it.
    assert len(grid(tables[4], 1).rows) == 3
    last = grid(tables[4]).rows[-1]
    assert value(last[1]) > 0
    assert last[2:6] == (Missing(),) * 4
    assert grid(tables[11]).rows[-1][1] == Missing()
    assert [item.title for item in grid(tables[10], 1).columns] == ["Emotion", "MobileNetV2 (usual head)", "my-net"]
    assert [block.title for block in tables[8].blocks][3:] == ["FER-2013, beyond the paper"]
    assert [block.title for block in tables[9].blocks][3:] == [
        "MobileNetV2 (usual head), beyond the paper",
        "my-net, beyond the paper",
    ]
    assert all(any(note.startswith("†") for note in tables[number].notes) for number in (4, 5, 6, 11))
    assert any("my-net random" in note for note in tables[4].notes)


def test_fer_2013_is_shown_on_private_test_too(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for seed, wrong in ((0, 10), (1, 20), (2, 30)):
        private = make.flat("private", wrong)
        public = make.flat("public", 0)
        both = tuple(tuple(map(sum, zip(a, b, strict=True))) for a, b in zip(private, public, strict=True))
        record = make.eval_record("clcm", "fer2013", "fer2013", seed=seed, matrix=both)
        make.save_eval(results, replace(record, parts={"PrivateTest": private, "PublicTest": public}))
    tables = tables_of(select(results))
    cell = column(tables[4], "PrivateTest")[1]
    assert isinstance(cell, Number)
    assert cell.value == pytest.approx(100 * (1 - 7 * 20 / 3589))
    assert column(tables[4], "PrivateTest")[0] == Missing()
    assert value(column(tables[11], "PrivateTest")[10]) == pytest.approx(1 - 7 * 20 / 3589)
    matrices = tables[8].blocks[3]
    assert isinstance(matrices, Matrices)
    assert matrices.title == "FER-2013 PrivateTest"
    assert value(matrices.matrices[0].measured[1][1]) == pytest.approx(100 * (1 - 20 / 55))
    recalls = grid(tables[10], 1)
    assert value(recalls.rows[1][1]) == pytest.approx(1 - 20 / 55)


def test_rendering_tables_stays_light(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    # Three seeds each, so that intervals are computed.
    make.save_grid(results, models=paper.MODELS)
    records.save(results.records, make.robustness_record("clcm", "fer2013", "fer2013"))
    code = (
        "import sys; from pathlib import Path\n"
        "from fer_bench.render import check_tables, write_tables\n"
        "from fer_bench.selection import select\n"
        "from fer_bench.tables import build_tables\n"
        "from fer_bench.workspace import Results\n"
        "folder = Path(sys.argv[1]); results = Results(folder / 'records', folder / 'tables', folder)\n"
        "tables = build_tables(select(results))\n"
        "write_tables(tables, results.tables)\n"
        "assert not check_tables(tables, results.tables)\n"
        "assert 'scipy.special' in sys.modules\n"
        "heavy = {'scipy.stats', 'sklearn', 'matplotlib', 'pandas', 'keras', 'tensorflow', 'statsmodels', 'cv2'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(results.tables.iterdir())) == 25


def test_the_tables_say_which_model_always_answers_the_same(tmp_path: Path) -> None:
    happy = [[10 if guess == 3 else 0 for guess in range(7)] for _ in range(7)]
    results = make.results_in(tmp_path)
    for seed, matrix in enumerate((happy, DIAGONAL, DIAGONAL)):
        make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013", seed=seed, matrix=matrix))
    make.save_eval(results, make.eval_record("mobilenetv2", "fer2013", "ck-plus", matrix=happy))
    make.save_eval(results, make.eval_record("mobilenetv2", "fer2013", "fer2013", matrix=happy))
    tables = tables_of(select(results))
    own = {
        "FER-2013: MobileNetV2 gives one answer for every image.",
        "FER-2013: CLCM gives one answer for every image in 1 of 3 runs.",
    }
    for number in (4, 8, 10, 11):
        assert own <= set(tables[number].notes)
    for number in (5, 9):
        assert "FER-2013: tested on CK+, MobileNetV2 gives one answer for every image." in tables[number].notes
        assert not own & set(tables[number].notes)


def test_the_notes_say_how_times_were_taken(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for model, calls in (("clcm", (10, 15)), ("mobilenetv2", (20, 10))):
        record = make.profile_record(model)
        records.save(results.records, replace(record, warmups={"keras-predict": calls}))
    note = next(note for note in tables_of(select(results))[6].notes if note.startswith("Session"))
    assert note.endswith("one image a call; 10 to 20 untimed calls first; threads: 2 a runtime.")
    # An older record has neither.
    for model in ("clcm", "mobilenetv2"):
        records.save(results.records, replace(make.profile_record(model), threads={"intra_op": 2, "inter_op": 1}))
    note = next(note for note in tables_of(select(results))[6].notes if note.startswith("Session"))
    assert note.endswith("10 untimed calls first; threads: 1 inter_op, 2 intra_op.")


def test_tables_with_verdicts_say_what_is_not_compared(partial: dict[str, dict[int, Table]]) -> None:
    for number, words in ((4, "The paper leaves open"), (5, "The paper leaves open"), (5, "neutral frames of CK+")):
        assert any(words in note for note in partial["real"][number].notes)
        assert not any(words in note for note in partial["synthetic"][number].notes)
    assert not any("neutral frames" in note for note in partial["real"][4].notes)


def test_notes_say_which_labels_images_and_crop_the_values_rest_on(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    trained = {
        "fer2013": make.preparation("fer2013", protocol="ferplus-majority", complete=None),
        "affectnet": make.preparation("affectnet", layout="class-folders", official_split=False, complete=None),
        "raf-db": make.preparation("raf-db"),
    }
    ck_plus = make.preparation("ck-plus", protocol="last-three", layout="ck48", crop="none", complete=False)
    for dataset, prepared in trained.items():
        # Of a model beyond the paper's, which no verdict speaks of.
        for model in ("clcm", "mobilenetv2-canonical"):
            run = make.train_record(model, dataset)
            records.save(results.records, replace(run, prepared=(prepared,)))
            own = make.eval_record(model, dataset, dataset)
            make.save_eval(results, replace(own, target_prepared=prepared))
            cross = make.eval_record(model, dataset, "ck-plus")
            make.save_eval(results, replace(cross, target_prepared=ck_plus))
    tables = tables_of(select(results))
    for number in (4, 5, 8, 9, 10, 11):
        notes = " ".join(tables[number].notes)
        assert f"dataset {make.digest('real fer2013')[:12]} (protocol ferplus-majority, version 1);" in notes
        assert "(layout class-folders, a re-upload, not the official split);" in notes
        assert f"dataset {make.digest('real raf-db')[:12]};" in notes, "what is the default is not told"
    for number in (5, 9):
        notes = " ".join(tables[number].notes)
        told = "(protocol last-three, version 1, layout ck48, incomplete copy)"
        assert notes.count(f"432 CK+ images {make.digest('real ck-plus')[:12]} {told}") == 3
    why = next(note for note in tables[5].notes if note.startswith("AffectNet, not comparable"))
    assert "AffectNet from a re-upload, layout class-folders" in why
    assert "CK+ by protocol last-three, version 1 (default: paper-432, version 1)" in why


def test_crops_are_told_apart(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    prepared = make.preparation("ck-plus", crop="none")
    make.save_eval(results, replace(make.eval_record("clcm", "raf-db", "ck-plus"), target_prepared=prepared))
    notes = tables_of(select(results))[5].notes
    assert any(f"CK+ images {make.digest('real ck-plus')[:12]} (crop none);" in note for note in notes)


def test_other_test_images_than_the_papers_are_not_called_the_papers(tmp_path: Path) -> None:
    for matrix, papers in ((DIAGONAL, False), (make.near("fer2013", 63), True)):
        folder = tmp_path / str(papers)
        tables = tables_of(evidence_of(folder, ("clcm", "fer2013", "fer2013", matrix)))
        for number in (4, 11):
            notes = " ".join(tables[number].notes)
            assert ("FER-2013 is tested on the paper's 7,178 images" in notes) is papers
            assert ("Not every test on FER-2013 here is one on the paper's 7,178 images" in notes) is not papers
