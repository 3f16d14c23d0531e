"""The tests on worse pictures of what ``compare`` has chosen."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from fer_bench.accuracy.entries import Chosen
from fer_bench.corruptions import PROTOCOL
from fer_bench.errors import FerBenchError
from fer_bench.lookup import seed_words
from fer_bench.records import EvalRecord, RobustnessRecord, load
from fer_bench.robustness.summary import Robustness


def tested_of(folder: Path, chosen: Chosen, where: Sequence[str]) -> list[Robustness]:
    """Return the tests on worse pictures of the same runs, in the order of the comparison.

    Args:
        folder: of records.
        chosen: what is compared.
        where: words that name the workspace of the records in a command; none where it is the default.

    Raises:
        FerBenchError: runs have no finished test of their weights on the same state of the test set, by the corruptions
            of now: a line for each.
    """
    found: dict[str, RobustnessRecord] = {}
    lacking = []
    for test in (test for tests in chosen.records for test in tests):
        path = folder / RobustnessRecord.kind / f"{test.stem}.json"
        record = load(path, RobustnessRecord) if path.is_file() else None
        reason = _refusal(record, test)
        if record is None or reason:
            lacking.append(f"{path}: {reason}; run {_command(test, where)}")
        else:
            found[test.stem] = record
    if lacking:
        raise FerBenchError("\n".join(lacking))
    return [Robustness(tuple(found[test.stem] for test in tests)) for tests in chosen.records]


def _refusal(found: RobustnessRecord | None, test: EvalRecord) -> str:
    """Return why a record is not the test on worse pictures that goes with ``evaluate``'s, empty where it is."""
    if found is None:
        return "no test on worse pictures"
    if not found.complete:
        return "the test on worse pictures is not finished"
    if (found.weights_sha256, found.target_fingerprint) != (test.weights_sha256, test.target_fingerprint):
        return f"the test on worse pictures is of other weights, or another state of {test.target}, than evaluate's"
    if found.protocol != PROTOCOL:
        return f"the test on worse pictures is by other corruptions ({found.protocol}) than those of now ({PROTOCOL})"
    return ""


def _command(test: EvalRecord, where: Sequence[str]) -> str:
    named = ["--model", test.model, "--dataset", test.target if test.external else test.dataset]
    on = [] if test.external or test.target == test.dataset else ["--on", test.target]
    run = [] if test.external else ["--recipe", test.recipe, *seed_words([test.seed])]
    return shlex.join(["fer-bench", "robustness", *named, *on, *run, *where])
