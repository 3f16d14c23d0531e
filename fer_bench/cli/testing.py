"""Commands that test: evaluate, cross-test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    BalanceOption,
    FreezeOption,
    JsonOption,
    ModelOption,
    RunRecipeOption,
    RunWeightsOption,
    SeedOption,
    SeedsOption,
    TrainedOnOption,
    WaitOption,
    WorkspaceOption,
    existing,
    recipe_with,
    seeds_of,
)
from fer_bench.cli.printing import print_json, print_table
from fer_bench.cli.saying import mean_text
from fer_bench.errors import FerBenchError
from fer_bench.lookup import open_prepared, open_training, trained_on

if TYPE_CHECKING:
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.records import EvalRecord, TrainRecord
    from fer_bench.workspace import Workspace


def evaluate(
    context: typer.Context,
    model: ModelOption,
    dataset: TrainedOnOption,
    recipe: RunRecipeOption = "paper",
    seed: SeedOption = 0,
    seeds: SeedsOption = None,
    balance: BalanceOption = None,
    freeze_layers: FreezeOption = None,
    weights: RunWeightsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Test a trained model on the test set of the dataset that it was trained on, or of each of several.

    Give the same options as for train. Of a model that add-onnx added, --dataset names the test set, and the other
    options do not matter.

    Example: fer-bench evaluate --model clcm --dataset fer2013 --seeds 3
    """
    from fer_bench import stages
    from fer_bench.datasets.joined import parts
    from fer_bench.external.model import is_external

    place = existing(workspace)
    if is_external(place, model):
        with place.lock(wait=wait):
            _print_results([_test_external(place, model, open_prepared(place, dataset))], json)
        return
    chosen, numbers = recipe_with(recipe, balance, freeze_layers), seeds_of(context, [seed], seeds)
    with place.lock(wait=wait):
        networks, prepared = stages.Networks(), open_training(place, dataset)
        found = [trained_on(place, model, prepared, chosen, number, weights) for number in numbers]
        targets = with_test_images(parts(prepared))
        results = [stages.test_run(place, run, cell, on, networks) for on in targets for cell, run in found]
    _print_results(results, json)
    for on in targets if len(found) > 1 and not json else ():
        scores = [result.accuracy for result in results if result.target == on.dataset]
        typer.echo(f"accuracy on {on.dataset} over {mean_text(scores)}")


def with_test_images(parts: "Sequence[Prepared]") -> "Sequence[Prepared]":
    """Return the datasets that a model can be tested on, and say which of several have no test images.

    Raises:
        FerBenchError: none has any.
    """
    from fer_bench.messages import warn

    found = [part for part in parts if part.indices("test").size]
    if not found:
        parts[0].require_test_images()
    for name in [part.dataset for part in parts if part not in found]:
        warn(f"{name} has no test images; tested on {', '.join(part.dataset for part in found)} alone")
    return found


def cross_test(
    on: Annotated[str, typer.Option("--on", help="Dataset whose test images are used.")] = "ck-plus",
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Only this model; may be given several times. Default: all."),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe", "-r", help="Only runs of this recipe, name or id; may be given several times. Default: all."
        ),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Test every trained model of the workspace on a dataset that it was not trained on, and those of add-onnx too.

    One whose record or file cannot be read keeps no other from being tested; it is told at the end, with exit code 2.

    Example: fer-bench cross-test --on ck-plus
    """
    from fer_bench import grid, records, stages
    from fer_bench.datasets.joined import parts_of
    from fer_bench.external.model import external_names
    from fer_bench.records import TrainRecord

    place = existing(workspace)
    done: list[EvalRecord] = []
    failed: list[str] = []
    with place.lock(wait=wait):
        target = open_prepared(place, on)
        runs = []
        for path in records.paths(place.results.records, TrainRecord):
            with _noted(failed):
                runs.append(records.load(path, TrainRecord))
        networks = stages.Networks()
        asked = _asked_for(runs, model or (), recipe or (), place)
        for run in sorted(asked, key=lambda run: (run.model, run.recipe, run.dataset, run.seed)):
            with _noted(failed):
                if on not in parts_of(run.dataset) and _can_be_tested(place, run):
                    done.append(stages.test_run(place, run, grid.cell_of_run(run), target, networks))
        for name in () if recipe else external_names(place):
            if model and name not in model:
                continue
            with _noted(failed):
                done.append(_test_external(place, name, target))
    if done:
        _print_results(done, json)
    if failed:
        others = "the others were" if done else "no other can be"
        raise FerBenchError("\n".join([f"not tested on {on} ({others}):", *dict.fromkeys(failed)]))
    if not done:
        named = "".join(
            [*(f" --model {name}" for name in model or ()), *(f" --recipe {name}" for name in recipe or ())]
        )
        fits = f" and fits{named} (fer-bench status lists the runs)" if named else ""
        raise FerBenchError(
            f"{place.root}: no trained model that can be tested on {on}{fits}; run fer-bench train first"
        )


def _asked_for(
    runs: "Sequence[TrainRecord]", models: Sequence[str], recipes: Sequence[str], place: "Workspace"
) -> "Sequence[TrainRecord]":
    """Return the runs that ``--model`` and ``--recipe`` name; all where they name none."""
    from fer_bench.lookup import recipe_ids

    meant = recipe_ids(recipes, {run.recipe for run in runs}, str(place.root)) if recipes else None
    return [run for run in runs if (not models or run.model in models) and (meant is None or run.recipe in meant)]


@contextmanager
def _noted(failed: list[str]) -> Iterator[None]:
    """Note why one model cannot be tested, instead of leaving the others untested for it."""
    try:
        yield
    except FerBenchError as error:
        failed.append(str(error))


def _can_be_tested(place: "Workspace", run: "TrainRecord") -> bool:
    """Return whether a run's network can be had here; say why where it cannot."""
    from fer_bench import backend, grid
    from fer_bench.messages import warn
    from fer_bench.models import model_names

    if run.model not in model_names():
        reason = f"no model {run.model!r} is installed"
    elif run.backend != backend.name():
        reason = f"it was trained on {run.backend}; set KERAS_BACKEND={run.backend} to test it"
    elif grid.recorded(place, grid.cell_of_run(run)) is None:
        reason = f"{place.weights(run.cell_id)} is missing; train it again"
    else:
        return True
    warn(f"{run.cell_id} is left out: {reason}")
    return False


def _test_external(place: "Workspace", name: str, target: "Prepared") -> "EvalRecord":
    """Test an external model, and warn of what speaks against its labels."""
    from fer_bench.external.alike import warning
    from fer_bench.external.model import load_external
    from fer_bench.external.testing import test_external
    from fer_bench.messages import warn

    model = load_external(place, name)
    record = test_external(place, model, target)
    said = warning(place, model, target, record)
    if said:
        warn(said)
    return record


def _print_results(results: "Sequence[EvalRecord]", json: bool) -> None:
    import dataclasses

    from fer_bench.emotions import EMOTIONS
    from fer_bench.metrics import recall_per_class

    if json:
        print_json([dataclasses.asdict(result) for result in results])
        return
    origin = " (synthetic faces)" if results[0].origin == "synthetic" else ""
    print_table(
        f"Accuracy{origin}: overall and per class, %",
        ("model", "trained on", "tested on", "recipe", "seed", "images", "overall", *EMOTIONS),
        [
            (
                result.model,
                result.dataset,
                result.target,
                result.recipe,
                str(result.seed),
                f"{result.n:,}",
                f"{result.accuracy:.1%}"[:-1],
                *(
                    "–" if value != value else f"{100 * value:.0f}"
                    for value in recall_per_class(result.confusion_matrix)
                ),
            )
            for result in results
        ],
        numbers=2 + len(EMOTIONS),
    )
