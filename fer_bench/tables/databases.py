"""Table 1: the databases, as the paper prints them and as the cards of the datasets have them."""

from fer_bench import paper
from fer_bench.datasets import dataset_card
from fer_bench.datasets.card import DatasetCard
from fer_bench.emotions import EMOTIONS
from fer_bench.tables.protocol import TRAINING_PARTS, test_images, training_images
from fer_bench.tables.values import Cell, Column, Grid, Missing, Number, Row, Table, Text

_WHY = {
    "affectnet": "the published number is that of the whole database; section V-C, like the card, has 283,901 + 3,500 "
    "manually labelled images of the seven classes",
    "raf-db": "the published number counts the compound emotions too; section V-B, like the card, has 12,271 + 3,068 "
    "of the basic part",
    "fer2013": "the published number is 28,709 + 3,589; the matrices of Table 8 need a test set of 7,178 (PublicTest "
    "and PrivateTest)",
    "ck-plus": "the published number is that of the sequences; the matrices of Table 9 fit 432 images, the peak frames "
    "of the 309 labelled sequences without contempt and one neutral frame for each of 123 subjects",
}
"""Where published and used numbers of images come from, by dataset."""


def table1() -> Table:
    """Table 1: the paper's columns, then the images that are trained and tested on, then these by class."""
    notes = [
        "Environment to annotation methods: as the paper prints them; reference numbers are the paper's. The counts "
        "are those of fer-bench's cards (fer-bench datasets NAME), with which every prepared copy is compared.",
        *(f"{row.title}: {_WHY[row.dataset]}." for row in paper.TABLE1),
        *(f"{_card(row).title}, protocol {_protocol(row)}" for row in paper.TABLE1),
    ]
    title = "Public facial expression image databases used in the article"
    return Table(1, title, False, (_databases(), _used(), _by_class()), tuple(notes))


def _card(row: paper.Database) -> DatasetCard:
    return dataset_card(row.dataset)


def _protocol(row: paper.Database) -> str:
    protocol = _card(row).protocols[0]
    return f"{protocol.name}: {protocol.description}"


def _databases() -> Grid:
    """Return the table as the paper prints it."""
    columns = (
        Column("Database", text=True),
        Column("Environment", text=True),
        Column("Images"),
        Column("Position", text=True, wrap=True),
        Column("Colour", text=True),
        Column("Emotion classes", text=True, wrap=True),
        Column("Annotation methods", text=True, wrap=True),
    )
    rows: list[Row] = [
        (
            Text(f"{row.title} {row.citation}"),
            Text(row.environment),
            _count(row.images),
            *map(Text, (row.position, row.colour, row.emotion_classes, row.annotation_methods)),
        )
        for row in paper.TABLE1
    ]
    return Grid("As published", columns, tuple(rows))


def _used() -> Grid:
    columns = (
        Column("Database", text=True),
        Column("Training"),
        Column("Test"),
        Column("Together"),
        Column("Published"),
        Column("Difference"),
        Column("Stored size (pixels)", text=True),
    )
    rows: list[Row] = []
    for row in paper.TABLE1:
        training, test = training_images(row.dataset), sum(test_images(row.dataset))
        together = training + test
        height, width = _card(row).size
        gap = Number(value=together - row.images, decimals=0, signed=True, thousands=True)
        shown = _count(training) if training else Missing()
        counts: list[Cell] = [shown, _count(test), _count(together), _count(row.images), gap]
        rows.append((Text(row.title), *counts, Text(f"{height} × {width}")))
    return Grid("Images used", columns, tuple(rows))


def _by_class() -> Grid:
    columns = [Column("Database", text=True), Column("Part", text=True), Column("Used for", text=True)]
    columns += [Column(name.capitalize()) for name in EMOTIONS]
    columns.append(Column("Images"))
    rows: list[Row] = []
    for row in paper.TABLE1:
        for part, counts in _card(row).counts.items():
            use = "training, validation" if part == TRAINING_PARTS.get(row.dataset) else "test"
            rows.append((Text(row.title), Text(part), Text(use), *map(_count, counts), _count(sum(counts))))
    return Grid("Images of each class", tuple(columns), tuple(rows))


def _count(images: int) -> Number:
    return Number(value=images, decimals=0, thousands=True)
