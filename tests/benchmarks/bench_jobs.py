"""Time several seeds trained side by side against the same in order.

    python tests/benchmarks/bench_jobs.py [--model clcm] [--seeds 2] [--epochs 10] [--jobs 1 2] [--rounds 1]

The whole command ``train --seeds``, from synthetic faces that are prepared before: starting the processes and compiling
a network in each is in it, so short runs gain less than long ones.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter


def fer_bench(*words: object) -> None:
    """Run a command in a fresh process."""
    subprocess.run([sys.executable, "-m", "fer_bench", *map(str, words)], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="clcm")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=2_000, help="for training")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    taken: dict[int, list[float]] = {jobs: [] for jobs in given.jobs}
    with tempfile.TemporaryDirectory() as scratch:
        faces, recipe = Path(scratch) / "faces", Path(scratch) / "bench.toml"
        recipe.write_text(f'base = "demo"\nepochs = {given.epochs}\n', encoding="utf-8")
        fer_bench("synthesize", "fer2013", faces, "--train", given.images, "--test", 70)
        fer_bench("prepare", "fer2013", "--source", faces, "--workspace", Path(scratch) / "prepared")
        for number in range(given.rounds):
            for jobs in given.jobs:
                workspace = Path(scratch) / f"{number}-{jobs}"
                shutil.copytree(Path(scratch) / "prepared", workspace)
                options = ("--dataset", "fer2013", "--recipe", recipe, "--seeds", given.seeds, "--jobs", jobs)
                began = perf_counter()
                fer_bench("train", "--model", given.model, *options, "--workspace", workspace)
                taken[jobs].append(perf_counter() - began)
    first = median(taken[given.jobs[0]])
    for jobs, seconds in taken.items():
        print(f"--jobs {jobs}: {median(seconds):.0f} s, {first / median(seconds):.2f} times as fast as the first")


if __name__ == "__main__":
    main()
