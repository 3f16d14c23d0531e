"""The registry of models: an explicit dict of cards, and third parties' through entry points."""

from collections.abc import Mapping
from functools import cache

from fer_bench.errors import FerBenchError
from fer_bench.models import (
    clcm,
    densenet121,
    efficientnetb0,
    inceptionv3,
    mobilenetv2,
    resnet50,
    shufflenetv2,
)
from fer_bench.models.card import ModelCard

ENTRY_POINTS = "fer_bench.models"
"""Entry-point group under which other packages offer a :class:`ModelCard`."""

_BUILT_IN: dict[str, ModelCard] = {
    card.name: card
    for card in (
        mobilenetv2.PAPER,
        clcm.PAPER,
        shufflenetv2.PAPER,
        mobilenetv2.LINEAR,
        mobilenetv2.CANONICAL,
        shufflenetv2.PAPER_MAX_POOLING,
        shufflenetv2.CANONICAL,
        shufflenetv2.CANONICAL_15,
        shufflenetv2.CANONICAL_20,
        clcm.ONE_LAYER,
        clcm.PLAIN,
        efficientnetb0.CARD,
        densenet121.CARD,
        resnet50.CARD,
        inceptionv3.CARD,
    )
}


def built_in_cards() -> Mapping[str, ModelCard]:
    """Return the cards that come with fer-bench: the same on every machine, whatever else is installed there."""
    return _BUILT_IN


@cache
def model_cards() -> dict[str, ModelCard]:
    """Return every known model by name: the built-in ones, then those of installed packages.

    Raises:
        FerBenchError: an installed package offers something that is not a card, or a name that is taken.
    """
    from importlib.metadata import entry_points

    cards = dict(_BUILT_IN)
    for entry in entry_points(group=ENTRY_POINTS):
        card = entry.load()
        if not isinstance(card, ModelCard):
            raise FerBenchError(f"entry point {entry.value} ({ENTRY_POINTS}): found {card!r}, expected a ModelCard")
        if card.name in cards:
            raise FerBenchError(f"entry point {entry.value} ({ENTRY_POINTS}): the name {card.name!r} is taken")
        cards[card.name] = card
    return cards


def model_card(name: str) -> ModelCard:
    """Return the card of one model.

    Raises:
        FerBenchError: no model of that name.
    """
    cards = model_cards()
    if name not in cards:
        raise FerBenchError(f"no model {name!r}; expected one of {', '.join(cards)}")
    return cards[name]


def model_title(name: str) -> str:
    """Return what tables call a model: the title on fer-bench's own card, the bare name of another package's model.

    Records must give the same tables where that package is not installed.
    """
    card = built_in_cards().get(name)
    return card.title if card else name
