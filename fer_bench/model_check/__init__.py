"""Contract tests of a model, for the author of a plug-in: whatever fer-bench does with models, tried on one.

.. code-block:: python

    from fer_bench.model_check import check_model


    def test_my_net_keeps_the_contract():
        assert [outcome for outcome in check_model("my-net") if outcome.state == "failed"] == []
"""

from collections.abc import Callable

from fer_bench import backend
from fer_bench.errors import FerBenchError, first_line, reason_of
from fer_bench.files import scratch
from fer_bench.model_check import building, converting, entry, training
from fer_bench.model_check.outcome import BrokenContractError, Check, NotInstalledError, Outcome
from fer_bench.model_check.subject import Subject
from fer_bench.models import model_names
from fer_bench.progress import unheard

__all__ = ["Outcome", "check_model"]

CHECKS: tuple[Check, ...] = (
    *building.CHECKS,
    *training.CHECKS,
    *converting.CHECKS,
)
"""In the order in which they are made."""


def check_model(name: str, on_check: Callable[[str], object] = unheard) -> list[Outcome]:
    """Check a registered model, of another package or fer-bench's own, against the contract of :class:`ModelCard`.

    Args:
        name: of the model, and of its entry point.
        on_check: called with the name of each check before it is made.

    Returns:
        One outcome a check. Where the card cannot be had that is the only one.

    Raises:
        FerBenchError: no model of that name.
    """
    if name not in model_names():
        raise FerBenchError(
            f"no model {name!r}; expected one of {', '.join(model_names())}. A plug-in is found by its entry point in "
            f"the group {entry.ENTRY_POINTS}, once its package is installed (pip install -e . does for a checkout)"
        )
    on_check(entry.CHECK)
    card, outcomes = entry.check_entry(name)
    if card is None:
        return outcomes
    with scratch() as folder:
        subject = Subject(card, folder)
        backend.prepare_training(subject.size)  # before anything imports Keras
        for check in CHECKS:
            on_check(check.name)
            outcomes.append(_made(check, subject))
    return outcomes


def _made(check: Check, subject: Subject) -> Outcome:
    try:
        return Outcome(check=check.name, state="ok", found=check.make(subject))
    except NotInstalledError as missing:
        return Outcome(check=check.name, state="skipped", found=missing.found, advice=missing.advice)
    except BrokenContractError as broken:
        return Outcome(check=check.name, state="failed", found=broken.found, advice=broken.advice or check.advice)
    except (Exception, SystemExit) as error:  # Whatever another package's model raises is the outcome.
        told = first_line(error) if isinstance(error, FerBenchError) else reason_of(error)
        return Outcome(check=check.name, state="failed", found=told, advice=check.advice)
