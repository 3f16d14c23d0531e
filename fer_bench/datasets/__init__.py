"""The datasets: an explicit dict of cards, and those that other packages add.

A new dataset is one file with a ``CARD`` and one line here; a package of its own offers its card under the
entry-point group ``fer_bench.datasets``, under the name on the card.
"""

from functools import cache

from fer_bench.datasets import affectnet, ck_plus, fer2013, raf_db
from fer_bench.datasets.card import DatasetCard
from fer_bench.errors import FerBenchError
from fer_bench.plugins import Plugins
from fer_bench.records.provenance import EXTERNAL

_CARDS: dict[str, DatasetCard] = {
    "fer2013": fer2013.CARD,
    "raf-db": raf_db.CARD,
    "affectnet": affectnet.CARD,
    "ck-plus": ck_plus.CARD,
}
PLUGINS = Plugins("dataset", "fer_bench.datasets", DatasetCard, _CARDS, reserved=EXTERNAL)
"""These and the datasets of other packages."""


def dataset_card(name: str) -> DatasetCard:
    """Return the card of a dataset. For one of fer-bench's own no other package is imported, for another one its own.

    Raises:
        FerBenchError: no dataset of that name is known, or the package that adds it is broken.
    """
    card = PLUGINS.find(name)
    if card is None:
        raise FerBenchError(f"unknown dataset {name!r}; known: {', '.join(card_names())}")
    return card


def card_names() -> list[str]:
    """Return every name that a card has: fer-bench's own in the paper's order first; no other package is imported."""
    return PLUGINS.names()


@cache
def dataset_cards() -> dict[str, DatasetCard]:
    """Return every card by name: fer-bench's own in the paper's order, then those of other packages.

    One that is broken is left out, so that it harms no other; :func:`broken_datasets` tells of it.
    """
    return PLUGINS.usable()


def broken_datasets() -> dict[str, str]:
    """Return why a dataset that another package offers cannot be used, by name; the distribution is named."""
    return PLUGINS.broken()


def origin_of(card: DatasetCard) -> str | None:
    """Return for messages which other package a card is of, ``None`` where it is of fer-bench or from a file."""
    if card.name in _CARDS or card.name not in PLUGINS.offers():
        return None
    return PLUGINS.where(card.name)
