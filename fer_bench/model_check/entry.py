"""Where a card comes from: the name, the entry point, the distribution, and what it declares."""

from fer_bench.errors import FerBenchError
from fer_bench.interpreter import ANSWER, run
from fer_bench.model_check.outcome import Outcome
from fer_bench.models import PLUGINS, model_card
from fer_bench.models.card import ModelCard
from fer_bench.plugins import distribution

CHECK = "card"
ENTRY_POINTS = PLUGINS.group
_HEAVY = ("tensorflow", "keras", "jax", "torch")


def check_entry(name: str) -> tuple[ModelCard | None, list[Outcome]]:
    """Return the card of one of the known names, ``None`` where it cannot be had, and how that went."""
    offered = name in PLUGINS.offers()
    try:
        card = PLUGINS.load(name) if offered else model_card(name)
        imported = _imported(name) if offered else []
    except FerBenchError as error:
        advice = f"then run fer-bench check-model {name} again"
        return None, [Outcome(check=CHECK, state="failed", found=str(error), advice=advice)]
    if imported:
        found = f"its module imports {', '.join(imported)} as soon as it is loaded"
        advice = "import inside build(): fer-bench must set the backend up first, and lists models without it"
        return card, [Outcome(check=CHECK, state="failed", found=found, advice=advice)]
    empty = [key for key in ("title", "reference") if not getattr(card, key).strip()]
    if empty:
        found = f"{' and '.join(empty)} of the card empty"
        return card, [Outcome(check=CHECK, state="failed", found=found, advice="tables and lists show them: fill in")]
    brought = distribution(PLUGINS.offers()[name][0]) if offered else "fer-bench"
    return card, [Outcome(check=CHECK, state="ok", found=f"{card.title}, from {brought}: {card.reference}")]


def _imported(name: str) -> list[str]:
    """Return what a new process imports to load a model of another package: this one may have it already.

    Raises:
        FerBenchError: the process ends otherwise than with the answer.
    """
    code = (
        "import json, sys\n"
        "from fer_bench.models import PLUGINS\n"
        "PLUGINS.load(sys.argv[1])\n"
        f"print('\\n{ANSWER}' + json.dumps([module for module in {_HEAVY!r} if module in sys.modules]))"
    )
    ended = run("-c", code, name)
    if ended.code or not ended.answers:
        reason = ended.last_words or f"it ended with {ended.code}"
        raise FerBenchError(f"model {name!r} cannot be loaded in a new process: {reason}")
    imported: list[str] = ended.answers[-1]
    return imported
