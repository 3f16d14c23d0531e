"""How often the intervals and tests over seeds are right, by simulation.

    python tests/benchmarks/seed_intervals.py --draws 20000

Scores of two models on one test set of 7,178 images at 56 %: normal, with a standard deviation between seeds, and a
sampling error of which two runs of a model share 65 % and runs of two models 52 %, as the committed records have it.
A coverage below 95 % or a share of false differences above 5 % is an interval that claims too much.
"""

import argparse

import numpy as np

from fer_bench.accuracy.seeds import Spread, difference_over_seeds, mean_over_seeds

UNITS = 7_178
SAMPLE = 0.56 * 0.44 / UNITS
SHARED, COMMON = 0.65 * SAMPLE, 0.52 * SAMPLE


def spreads(rng: np.random.Generator, runs: int, seed: float) -> Spread:
    """Return what is seen of a model whose true score, and that of the images, is 0."""
    own = rng.normal(0, np.sqrt(seed**2 + SAMPLE - SHARED), runs)
    between = float(own.var(ddof=1))
    return Spread(runs=runs, units=UNITS, mean=float(own.mean()), between=between, sample=SAMPLE, shared=SHARED)


def coverage(draws: int, runs: int, seed: float) -> float:
    """Return how often the interval of a model's mean holds it."""
    rng = np.random.default_rng(runs)
    held = 0
    for _ in range(draws):
        found = mean_over_seeds(spreads(rng, runs, seed))
        truth = rng.normal(0, np.sqrt(SHARED))
        held += found.low <= truth <= found.high
    return held / draws


def false_differences(draws: int, runs: int, seeds: tuple[float, float], alpha: float = 0.05) -> float:
    """Return how often two models of equal true score are told apart."""
    rng = np.random.default_rng(runs)
    common = np.full((runs, runs), COMMON)
    told = 0
    for _ in range(draws):
        a, b = (spreads(rng, runs, seed) for seed in seeds)
        moved = a.mean + rng.normal(0, np.sqrt(2 * (SHARED - COMMON)))  # By images that suit one of them.
        _, p = difference_over_seeds(Spread(**{**vars(a), "mean": float(moved)}), b, common)
        told += p < alpha
    return told / draws


def main() -> None:
    """Print a line for each number of seeds and spread between them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20_000)
    draws = parser.parse_args().draws
    for runs in (2, 3, 5):
        for seed in (0.0, 0.004, 0.02, 0.04):
            print(
                f"{runs} seeds, {100 * seed:.1f} points between them: {coverage(draws, runs, seed):.1%} of means held"
            )
        for seeds in ((0.0, 0.0), (0.02, 0.02), (0.004, 0.02), (0.004, 0.04)):
            between = " and ".join(f"{100 * seed:.1f}" for seed in seeds)
            share = false_differences(draws, runs, seeds)
            print(f"{runs} seeds, {between} points between them: {share:.1%} of equal models told apart")


if __name__ == "__main__":
    main()
