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
        FerBenchError: a run has no finished test of its weights on the same state of the test set, by the corruptions
            of now.
    """
    return [Robustness(tuple(_tested(folder, test, where) for test in tests)) for tests in chosen.records]


def _tested(folder: Path, test: EvalRecord, where: Sequence[str]) -> RobustnessRecord:
    path = folder / RobustnessRecord.kind / f"{test.stem}.json"
    found = load(path, RobustnessRecord) if path.is_file() else None
    if found is None or not found.complete:
        reason = "no test on worse pictures" if found is None else "the test on worse pictures is not finished"
    elif (found.weights_sha256, found.target_fingerprint) != (test.weights_sha256, test.target_fingerprint):
        reason = f"the test on worse pictures is of other weights, or another state of {test.target}, than evaluate's"
    elif found.protocol != PROTOCOL:
        reason = f"the test on worse pictures is by other corruptions ({found.protocol}) than those of now ({PROTOCOL})"
    else:
        return found
    named = ["--model", test.model, "--dataset", test.target if test.external else test.dataset]
    on = [] if test.external or test.target == test.dataset else ["--on", test.target]
    run = [] if test.external else ["--recipe", test.recipe, *seed_words([test.seed])]
    raise FerBenchError(f"{path}: {reason}; run {shlex.join(['fer-bench', 'robustness', *named, *on, *run, *where])}")
