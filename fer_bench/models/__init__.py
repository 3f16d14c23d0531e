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
from fer_bench.plugins import Plugins

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
PLUGINS = Plugins("model", "fer_bench.models", ModelCard, _BUILT_IN)
"""These and the models of other packages."""


def built_in_cards() -> Mapping[str, ModelCard]:
    """Return the cards that come with fer-bench: the same on every machine, whatever else is installed there."""
    return _BUILT_IN


def model_names() -> list[str]:
    """Return the name of every known model, fer-bench's own first; no other package is imported."""
    return PLUGINS.names()


@cache
def model_cards() -> dict[str, ModelCard]:
    """Return every model that can be used by name: the built-in ones, then those of installed packages.

    One that is broken is left out, so that it harms no other; :func:`broken_models` tells of it.
    """
    return PLUGINS.usable()


def broken_models() -> dict[str, str]:
    """Return why a model that another package offers cannot be used, by name; the distribution is named."""
    return PLUGINS.broken()


def model_card(name: str) -> ModelCard:
    """Return the card of one model. For a built-in one no other package is imported, for another one its own.

    Raises:
        FerBenchError: no model of that name, or the package that offers it is broken.
    """
    card = PLUGINS.find(name)
    if card is None:
        raise FerBenchError(f"no model {name!r}; expected one of {', '.join(model_names())}")
    return card


def model_title(name: str) -> str:
    """Return what tables call a model: the title on fer-bench's own card, the bare name of another package's model.

    Records must give the same tables where that package is not installed.
    """
    card = built_in_cards().get(name)
    return card.title if card else name
