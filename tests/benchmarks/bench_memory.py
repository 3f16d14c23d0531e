"""Peak memory of ``fer-bench prepare`` over the interpreter's own, for two numbers of images.

    python tests/benchmarks/bench_memory.py [--counts 10000 100000]

Each number runs in a process of its own; the libraries count, OpenCV and scikit-learn among them. Goal: at most 600
MiB, and no growth with the number beyond the table of samples.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from faces import folder_card, write_jpegs

CHILD = """
import resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import sys
from pathlib import Path
from fer_bench.datasets.folder_card import load_card
from fer_bench.datasets.store import Wishes, prepare
root = Path(sys.argv[1])
prepare(load_card(root / "card.toml"), root, root / "out" / "faces", Wishes(allow_incomplete=True))
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    options = parser.parse_args()
    for count in options.counts:
        with tempfile.TemporaryDirectory() as name:
            write_jpegs(Path(name), count, 48, gray=True)
            folder_card(Path(name), 48)
            command = [sys.executable, "-c", CHILD, name]
            result = subprocess.run(command, capture_output=True, text=True, check=True)
            before, after = (int(value) / 1024 for value in result.stdout.split())
        print(f"{count:9,} images: {after - before:6.0f} MiB over the {before:.0f} MiB of the bare interpreter")


if __name__ == "__main__":
    main()
