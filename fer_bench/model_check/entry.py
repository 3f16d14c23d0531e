"""Where a card comes from: the name, the entry point, the distribution, and what it declares."""

import sys

from fer_bench.errors import FerBenchError
from fer_bench.model_check.outcome import Outcome
from fer_bench.models import built_in_cards, model_card, plugins
from fer_bench.models.card import ModelCard

CHECK = "card"
ENTRY_POINTS = plugins.ENTRY_POINTS
_HEAVY = ("tensorflow", "keras", "jax", "torch")


def check_entry(name: str) -> tuple[ModelCard | None, list[Outcome]]:
    """Return the card of one of the known names, ``None`` where it cannot be had, and how that went."""
    offered = name in plugins.offers()
    before = {module for module in _HEAVY if module in sys.modules}
    try:
        card = plugins.load(name, frozenset(built_in_cards())) if offered else model_card(name)
    except FerBenchError as error:
        advice = f"then run fer-bench check-model {name} again"
        return None, [Outcome(check=CHECK, state="failed", found=str(error), advice=advice)]
    imported = [module for module in _HEAVY if module in sys.modules and module not in before]
    if imported:
        found = f"its module imports {', '.join(imported)} as soon as it is loaded"
        advice = "import inside build(): fer-bench must set the backend up first, and lists models without it"
        return card, [Outcome(check=CHECK, state="failed", found=found, advice=advice)]
    empty = [key for key in ("title", "reference") if not getattr(card, key).strip()]
    if empty:
        found = f"{' and '.join(empty)} of the card empty"
        return card, [Outcome(check=CHECK, state="failed", found=found, advice="tables and lists show them: fill in")]
    brought = plugins.distribution(plugins.offers()[name][0]) if offered else "fer-bench"
    return card, [Outcome(check=CHECK, state="ok", found=f"{card.title}, from {brought}: {card.reference}")]
