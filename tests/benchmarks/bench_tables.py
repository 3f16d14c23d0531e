"""Time ``fer-bench tables`` from a cold start.

    python tests/benchmarks/bench_tables.py [--rounds 5]

Beside it the imports that every command needs (numpy, typer, rich, tabulate), in turns, since absolute times drift: the
paper's grid (3 models x 3 datasets, own test and CK+), and a thousand records. Goals: 1 s and 3 s. Wall time and, for
a busy machine, time on the processor.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))
import record_factory as make

from fer_bench import paper

FLOOR = [sys.executable, "-c", "import numpy, typer, rich, tabulate"]


def seconds(command: list[str]) -> tuple[float, float]:
    """Run a command in a fresh process; return its wall time and its time on the processor."""
    began, before = perf_counter(), os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return perf_counter() - began, cpu


def tables(workspace: Path) -> list[str]:
    return [sys.executable, "-m", "fer_bench", "tables", "--local", "--workspace", str(workspace)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        grid, thousand = Path(scratch) / "grid", Path(scratch) / "thousand"
        make.save_grid(make.results_in(grid), models=paper.MODELS, seeds=(0,))
        make.save_grid(
            make.results_in(thousand), models=(*paper.MODELS, "mobilenetv2-canonical", "my-net"), seeds=range(22)
        )
        records = len(list((thousand / "records").rglob("*.json")))
        commands = {
            "imports alone": FLOOR,
            "the paper's grid": tables(grid),
            f"{records:,} records": tables(thousand),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                taken[name].append(seconds(command))
    middle = {name: [median(times) for times in zip(*found, strict=True)] for name, found in taken.items()}
    floor = middle["imports alone"]
    for name, (wall, cpu) in middle.items():
        print(
            f"{name:>18}: {wall:.2f} s, {wall / floor[0]:.1f} times the imports; "
            f"{cpu:.2f} s of the processor, {cpu / floor[1]:.1f} times"
        )


if __name__ == "__main__":
    main()
