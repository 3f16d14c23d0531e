"""Kill ``fer-bench run-all`` again and again, and compare what comes out with an undisturbed run.

    python tests/benchmarks/kill_run_all.py --kills 40 --seeds 0 1 2

The whole line on small synthetic datasets and tiny networks, with blank pictures for figures, so that most of the time
goes to what surrounds the arithmetic: starting, locking, writing, tracing. Every kill is a real SIGKILL, of the command
or (with --jobs 2, one in four) of one of its workers, at a moment drawn at random: either some time after the start, or
some time after a random number of changes to the workspace's files. Weights, history, predictions and confusion
matrices must be equal bit for bit, the tables of accuracies byte for byte, and nothing may be left behind.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()
MODELS = ("mobilenetv2", "clcm")
"""Names of the paper's, since the tables show those; the networks are tiny ones."""
RECIPE = """\
base = "demo"
image_size = 32
epochs = 3
batch_size = 16
dropout = 0.2
"""
CHANGES = 100
"""Most changes to the workspace's files that a kill waits for; few are as likely as many."""
MEASURED = ("table06", "table07", "all")
"""Tables that hold times, which no two runs share."""

LINE = f"""
import sys
sys.path[:0] = [{str(HERE.parents[1])!r}, {str(HERE.parents[2])!r}]
import blank_figures
from tiny_network import build_tiny
from fer_bench import models
from fer_bench.run_all import run_datasets
from fer_bench.cli import main
from fer_bench.models.card import ModelCard

# At the top level: workers of --jobs import this file too.
for name in {MODELS!r}:
    models._BUILT_IN[name] = ModelCard(name=name, title=name, build=build_tiny, reference="tests",
                                       trainable_parameters=2_363, non_trainable_parameters=184)
blank_figures.replace_drawing()
run_datasets.SYNTHETIC_TRAIN, run_datasets.SYNTHETIC_TEST, run_datasets.SYNTHETIC_SEQUENCES = 70, 35, 12

if __name__ == "__main__":
    main()
"""


@dataclass
class Line:
    """The command on one workspace."""

    folder: Path
    """Holds the script, the recipe and the workspaces."""
    workspace: Path
    jobs: int
    seeds: tuple[int, ...] = (0,)
    datasets: tuple[str, ...] = ()
    """Trained on; all where empty."""
    seconds: float = 0.0
    """That it took to its end, undisturbed."""

    def start(
        self, *, new_session: bool = False, preexec_fn: Callable[[], None] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start the command in a process of its own; what it says goes to ``<workspace>.log``."""
        script, recipe = self.folder / "line.py", self.folder / "tiny.toml"
        if not script.exists():
            script.write_text(LINE)
            recipe.write_text(RECIPE)
        self.log.unlink(missing_ok=True)  # What outlives the last process for a moment writes to the old file.
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, str(script), "run-all", "--synthetic", "--recipe", str(recipe), "--runs", "2"),
                    *(part for model in MODELS for part in ("--model", model)),
                    *(part for name in self.datasets for part in ("--dataset", name)),
                    *(part for seed in self.seeds for part in ("--seed", str(seed))),
                    *("--jobs", str(self.jobs), "--weights", "random", "--workspace", str(self.workspace)),
                ],
                stdout=log,
                stderr=log,
                start_new_session=new_session,
                preexec_fn=preexec_fn,
            )

    @property
    def log(self) -> Path:
        return self.workspace.with_suffix(".log")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "(nothing said yet)"

    def finish(self) -> "Line":
        """Run the command to its end."""
        began = time.monotonic()
        code = self.start().wait()
        if code != 0:
            sys.exit(f"run-all ended with {code}:\n{self.log.read_text(errors='replace')}")
        self.seconds = time.monotonic() - began
        return self


def seen(workspace: Path) -> set[tuple[str, int]]:
    """Return every folder and file of a workspace with the time of its last change.

    Of the thousand pictures below ``raw`` their folders stand for them: a new one changes its own.
    """
    found = set()
    raw = str(workspace / "raw")
    for folder, _, names in os.walk(workspace):
        files = () if folder.startswith(raw) else (os.path.join(folder, name) for name in names)  # noqa: PTH118
        for path in (folder, *files):
            try:
                found.add((path, os.stat(path).st_mtime_ns))  # noqa: PTH116  # looked at two hundred times a second
            except OSError:
                continue
    return found


def workers(pid: int) -> list[int]:
    """Return the worker processes of the command (Linux)."""
    try:
        found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        # The others are Python's trackers of shared resources.
        return [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    except OSError:
        return []


def kill_once(line: Line, chance: random.Random, longest: float) -> str | None:
    """Start the command and kill it; return a line for the log, ``None`` where it ended before its time.

    Args:
        line: the command.
        chance: what the moment is drawn from.
        longest: seconds after which it is killed at the latest where the kill goes by the clock.
    """
    by_clock = chance.random() < 0.3
    delay = chance.uniform(0, longest) if by_clock else chance.uniform(0, 0.3) ** 2
    changes = 0 if by_clock else round(CHANGES ** chance.random())
    a_worker = line.jobs > 1 and chance.random() < 0.25
    began = time.monotonic()
    process = line.start()
    before, changed, due = seen(line.workspace), 0, began + delay if by_clock else None
    while process.poll() is None:
        now = time.monotonic()
        if due is None:
            after = seen(line.workspace)
            if after != before:
                before, changed = after, changed + 1
                if changed == changes:
                    due = now + delay
        elif now >= due:
            break
        time.sleep(0.005)
    victim = process.pid
    if a_worker and process.poll() is None:
        victim = chance.choice(workers(process.pid) or [victim])
    words = line.last_words()
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    code = process.wait()
    if code == 0:
        return None
    who = "command" if victim == process.pid else "worker "
    moment = f"{delay:5.2f} s after the start" if by_clock else f"at change {changes} + {delay:.3f} s"
    epochs = len(list((line.workspace / "runs").glob("*/checkpoint.npz")))
    records = len(list((line.workspace / "records").glob("*/[!.]*.json")))
    left = len(list(line.workspace.rglob(".unfinished-*")))
    return (
        f"{who} killed {moment:>24} (lived {time.monotonic() - began:5.1f} s); {records:2d} records, {epochs} runs "
        f"under way, {left} half-written; it had said: {words[:70]}"
    )


def differences(ours: Path, theirs: Path) -> list[str]:
    """Return what differs between the results of two workspaces, and what one of them has left behind."""
    found = []
    facts = [results_of(place) for place in (ours, theirs)]
    if facts[0].keys() != facts[1].keys():
        found.append(f"other results: {sorted(facts[0].keys() ^ facts[1].keys())}")
    shared = sorted(facts[0].keys() & facts[1].keys())
    found += [f"{name} differs" for name in shared if facts[0][name] != facts[1][name]]
    for place in (ours, theirs):
        left = list(place.rglob(".unfinished-*"))
        left += [path for name in ("raw", "datasets") for path in (place / name).glob(".*")]
        left += list((place / "runs").glob("*"))
        left += list(place.glob(".lock-holder"))
        found += [f"left behind: {path}" for path in left]
    return found


def results_of(place: Path) -> dict[str, object]:
    """Return everything that an undisturbed run must have given bit for bit, by name."""
    import numpy as np

    facts: dict[str, object] = {}
    for path in (place / "records" / "train").glob("*.json"):
        record = json.loads(path.read_text())
        history = [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in record["history"]]
        # With its folder: a run and its test on the same dataset have the same name.
        facts[f"train/{path.name}"] = (record["weights_sha256"], record["best_epoch"], history)
    for path in (place / "records" / "eval").glob("*.json"):
        record = json.loads(path.read_text())
        with np.load(path.with_name(record["predictions"])) as stored:
            facts[f"eval/{path.name}"] = (
                record["confusion_matrix"],
                {name: stored[name].tobytes() for name in stored.files},
            )
    for path in (place / "tables").glob("*.md"):
        if path.stem not in MEASURED:
            facts[path.name] = path.read_bytes()
    facts["figures"] = sorted(path.name for path in (place / "reports" / "figures").iterdir())
    facts["report"] = (place / "reports" / "report.html").is_file()
    return facts


def main() -> None:
    """Run undisturbed, then killed; print a line a kill; end with 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each seed, at least, if the work lasts so long")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the moments")
    parser.add_argument("--training-seeds", type=int, nargs="+", default=[0], help="of the training runs")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="fer-bench-") as scratch:
        folder = Path(scratch)
        alone = Line(folder, folder / "alone", options.jobs, tuple(options.training_seeds)).finish()
        print(f"undisturbed: {alone.seconds:.0f} s, {len(results_of(alone.workspace))} results", flush=True)
        for seed in options.seeds:
            chance = random.Random(seed)
            line = Line(folder, folder / f"killed-{seed}", options.jobs, alone.seeds)
            kills = 0
            while kills < options.kills:
                told = kill_once(line, chance, longest=alone.seconds / 3)
                if told is None:
                    break
                kills += 1
                print(f"seed {seed}, kill {kills:3d}: {told}", flush=True)
            line.finish()
            found = differences(line.workspace, alone.workspace)
            failed = failed or bool(found)
            verdict = "; ".join(found) or "everything is equal, nothing is left"
            print(f"seed {seed}: {kills} kills; {verdict}", flush=True)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
