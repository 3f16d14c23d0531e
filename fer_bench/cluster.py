"""The missing runs of a grid as tasks for a cluster's queue: each a plain ``fer-bench train`` command."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench.grid import Cell
from fer_bench.lookup import seed_words


@dataclass(frozen=True)
class Task:
    """One training run."""

    cell: Cell
    command: tuple[str, ...]
    """Words of the command; the workspace is not among them."""


def tasks(cells: Sequence[Cell], recipe: str, weights: Mapping[str, str]) -> list[Task]:
    """Return a task for each cell.

    Args:
        cells: to be trained.
        recipe: as ``--recipe`` names it.
        weights: as ``--weights`` names them, by model; a model that is not in there is given none.
    """
    found = []
    for cell in cells:
        start = ("--weights", weights[cell.model]) if cell.model in weights else ()
        words = ("--model", cell.model, "--dataset", cell.dataset, "--recipe", recipe, "--seed", str(cell.seed), *start)
        found.append(Task(cell, ("fer-bench", "train", *words)))
    return found


def _tests(found: Sequence[Task], workspace: Path) -> list[list[str]]:
    """Return the commands that test all that tasks train, the seeds of a model and dataset in one."""
    where = ["--workspace", str(workspace.absolute())]
    seeds: dict[tuple[str, ...], list[int]] = {}
    for task in found:
        place = task.command.index("--seed")
        words = ("fer-bench", "evaluate", *task.command[2:place], *task.command[place + 2 :])
        seeds.setdefault(words, []).append(task.cell.seed)
    tests = [[*words, *seed_words(numbers), *where] for words, numbers in seeds.items()]
    return [*tests, ["fer-bench", "cross-test", *where]]


def to_jsonl(found: Sequence[Task], workspace: Path, folder: Path) -> str:
    """Return one JSON object a task and line, in ASCII.

    Args:
        found: the tasks.
        workspace: that they train in.
        folder: that they run in: paths of a recipe or weights file may be relative to it.
    """
    lines = [
        {
            "id": task.cell.id,
            "model": task.cell.model,
            "dataset": task.cell.dataset,
            "recipe": task.cell.recipe.id,
            "seed": task.cell.seed,
            "folder": str(folder.absolute()),
            "command": [*task.command, "--workspace", str(workspace.absolute()), "--wait"],
        }
        for task in found
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def to_slurm(found: Sequence[Task], workspace: Path, folder: Path) -> str:
    """Return an array job for Slurm's ``sbatch``; the arguments are those of :func:`to_jsonl`.

    A workspace has one writer at a time. So each task gets a folder with a lock of its own, whose datasets, runs,
    weights, records and studies are links to those of the workspace, where no two tasks write the same file.
    """
    cases = [f'  {number}) {shlex.join(task.command)} --workspace "$own" ;;' for number, task in enumerate(found)]
    lines = [
        "#!/bin/bash",
        "#SBATCH --job-name=fer-bench",
        f"#SBATCH --array=0-{len(found) - 1}",
        "#SBATCH --output=fer-bench-%A_%a.log",
        "# Add what your cluster asks for: partition, time, GPUs (#SBATCH --gres=gpu:1), memory, the environment.",
        "# A task that ran out of time continues after its last epoch when the job is submitted again.",
        "# Afterwards test what has been trained, in the same folder:",
        *(f"#   {shlex.join(words)}" for words in _tests(found, workspace)),
        "set -euo pipefail",
        f"cd {shlex.quote(str(folder.absolute()))}",
        f"workspace={shlex.quote(str(workspace.absolute()))}",
        "# One writer a workspace: a task has its own lock and shares all files, of which no two tasks write the same.",
        'own="$workspace/tasks/$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID"',
        'mkdir -p "$own" "$workspace"/runs "$workspace"/weights "$workspace"/records',
        # Of the studies a task only reads, where there are any: it takes a run that tune or ablate has made.
        "for part in datasets runs weights records studies; do",
        '  ln -sfn "../../$part" "$own/$part"',
        "done",
        'case "$SLURM_ARRAY_TASK_ID" in',
        *cases,
        "esac",
    ]
    return "\n".join(lines) + "\n"
