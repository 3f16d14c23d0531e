"""How often the interval of the calibration error holds the true one, by simulation.

    python tests/benchmarks/calibration_intervals.py --draws 1000
    python tests/benchmarks/calibration_intervals.py --draws 200 --seeds 5

Models of known calibration, one run each, or several seeds, on test sets of several sizes; 432 is CK+'s. A coverage
below 95 % is an interval that claims too much, one of 100 % is wider than it need be.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from fer_bench.accuracy import sums
from fer_bench.accuracy.answers import Answers
from fer_bench.accuracy.runs import OneRun, SeveralSeeds

SIZES = (200, 432, 1_000, 3_068, 7_178)
CONFIDENCES = {
    "spread": lambda rng, n: rng.uniform(0.25, 1, n),
    "sharp": lambda rng, n: 0.25 + 0.75 * rng.beta(5, 1, n),
}
GAPS = {
    "calibrated": lambda confidence: 0 * confidence,
    "2 points too sure": lambda confidence: 0 * confidence + 0.02,
    "5 points too sure": lambda confidence: 0 * confidence + 0.05,
    "15 points too sure": lambda confidence: 0 * confidence + 0.15,
    "5 too unsure to 15 too sure": lambda confidence: 0.2 * (confidence - 0.25) / 0.75 - 0.05,
}
"""Confidence less the share of right answers, by confidence."""


def answers(rng: np.random.Generator, n: int, confidence: str, gap: str, seeds: int = 1) -> list[Answers]:
    """Return the answers of a model's seeds to ``n`` images of one class, alike for three in four of them."""
    found: NDArray[np.float64] = CONFIDENCES[confidence](rng, n)
    luck, zeros = rng.random(n), np.zeros(n, int)
    runs = []
    for seed in range(seeds):
        own = luck if seed == 0 else np.where(rng.random(n) < 0.75, luck, rng.random(n))
        wrong = own >= found - GAPS[gap](found)
        runs.append(
            Answers(ids=np.arange(n).astype(str), labels=zeros, predictions=wrong.astype(int), confidences=found)
        )
    return runs


def true_error(confidence: str, gap: str) -> float:
    """Return the calibration error over a million images, each as right as its probability: nothing is by chance."""
    found = CONFIDENCES[confidence](np.random.default_rng(0), 1_000_000)
    bins = np.searchsorted(np.linspace(0, 1, sums.BINS + 1)[1:-1], found)
    return float(np.abs(np.bincount(bins, weights=GAPS[gap](found))).sum() / len(found))


def coverage(draws: int, n: int, confidence: str, gap: str, resamples: int, seeds: int = 1) -> float:
    """Return how often the interval of a run, or of the mean over seeds, holds the true error."""
    truth, held = true_error(confidence, gap), 0
    for draw in range(draws):
        runs = answers(np.random.default_rng([n, draw]), n, confidence, gap, seeds)
        tallies = np.stack([sums.tally(run, np.arange(n), 2) for run in runs], axis=1)
        if seeds == 1:
            found = OneRun(tallies, clustered=False, seed=draw, resamples=resamples).calibration_error(0)
        else:
            found = SeveralSeeds(tallies[:, None]).calibration_error(0)
        held += found.low <= truth <= found.high
    return held / draws


def main() -> None:
    """Print a row for each model, a column for each size of the test set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--images", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    print(f"{'images':46}" + "".join(f"{n:8,}" for n in options.images))
    for confidence in CONFIDENCES:
        for gap in GAPS:
            found = (
                coverage(options.draws, n, confidence, gap, options.resamples, options.seeds) for n in options.images
            )
            name = f"{confidence} confidences, {gap}"
            print(f"{name:46}" + "".join(f"{share:8.1%}" for share in found), flush=True)


if __name__ == "__main__":
    main()
