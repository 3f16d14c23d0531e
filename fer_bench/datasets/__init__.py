"""The datasets: an explicit dict of cards, and those that other packages add.

A new dataset is one file with a ``CARD`` and one line here; a package of its own registers its card under the
entry-point group ``fer_bench.datasets``.
"""

from fer_bench.datasets import affectnet, ck_plus, fer2013, raf_db
from fer_bench.datasets.card import DatasetCard
from fer_bench.errors import FerBenchError

ENTRY_POINTS = "fer_bench.datasets"
"""Entry-point group; each entry point is a :class:`~fer_bench.datasets.card.DatasetCard`."""

_CARDS: dict[str, DatasetCard] = {
    "fer2013": fer2013.CARD,
    "raf-db": raf_db.CARD,
    "affectnet": affectnet.CARD,
    "ck-plus": ck_plus.CARD,
}


def dataset_card(name: str) -> DatasetCard:
    """Return the card of a dataset.

    Raises:
        FerBenchError: no dataset of that name is known, or the package that adds it is broken.
    """
    if name in _CARDS:
        return _CARDS[name]
    cards = dataset_cards()
    if name not in cards:
        raise FerBenchError(f"unknown dataset {name!r}; known: {', '.join(cards)}")
    return cards[name]


def dataset_cards() -> dict[str, DatasetCard]:
    """Return every card by name: fer-bench's own in the paper's order, then those of other packages.

    Raises:
        FerBenchError: an entry point cannot be loaded, is no card, or takes a name that is in use.
    """
    from importlib.metadata import entry_points

    cards = dict(_CARDS)
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        origin = f"dataset entry point {point.name!r} ({point.value})"
        try:
            card = point.load()
        except Exception as error:  # Anything may go wrong in another package.
            raise FerBenchError(f"{origin} cannot be loaded: {error}; repair or uninstall its package") from error
        if not isinstance(card, DatasetCard):
            raise FerBenchError(f"{origin} is a {type(card).__name__}, expected a fer_bench DatasetCard")
        if card.name in cards:
            raise FerBenchError(f"{origin} takes the name {card.name!r}, which is in use; rename its card")
        cards[card.name] = card
    return cards
