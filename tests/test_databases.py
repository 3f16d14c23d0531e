"""Table 1: the published columns as printed, and the counts of the cards."""

from fer_bench import paper
from fer_bench.datasets import dataset_card
from fer_bench.tables.databases import table1
from fer_bench.tables.values import Cell, Grid, Missing, Number, Text


def grids() -> list[Grid]:
    return [block for block in table1().blocks if isinstance(block, Grid)]


def numbers(cells: tuple[Cell, ...]) -> list[float]:
    return [cell.value for cell in cells if isinstance(cell, Number)]


def test_the_papers_columns_come_first_and_as_printed() -> None:
    rows = grids()[0].rows
    assert [row[0] for row in rows] == [
        Text(name) for name in ("AffectNet-7 [4]", "RAF-DB [5], [6]", "FER-2013 [7]", "CK+ [8]")
    ]
    assert [numbers(row) for row in rows] == [[1_000_000], [29_673], [32_298], [593]]
    assert rows[2][3:] == (
        Text("Spontaneous"),
        Text("BGR"),
        Text("6 basic emotions + Neutral"),
        Text("Image search API"),
    )


def test_the_images_used_stand_beside_the_published_number() -> None:
    rows = {row[0]: row for row in grids()[1].rows}
    assert numbers(rows[Text("FER-2013")]) == [28_709, 7_178, 35_887, 32_298, 3_589]
    assert numbers(rows[Text("RAF-DB")]) == [12_271, 3_068, 15_339, 29_673, -14_334]
    assert numbers(rows[Text("AffectNet-7")])[:3] == [283_901, 3_500, 287_401]
    assert rows[Text("CK+")][1] == Missing()
    assert numbers(rows[Text("CK+")])[:2] == [432, 432]


def test_every_part_of_every_card_is_there_by_class() -> None:
    rows = grids()[2].rows
    expected = [[*counts, sum(counts)] for row in paper.TABLE1 for counts in dataset_card(row.dataset).counts.values()]
    assert [numbers(row) for row in rows] == expected
    training = [row[1] for row in rows if row[2] == Text("training, validation")]
    assert training == [Text("train_set"), Text("train"), Text("Training")]
