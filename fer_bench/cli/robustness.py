"""The command that tests trained models on pictures that are worse than those of the test set."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    JsonOption,
    RunRecipeOption,
    SeedOption,
    SeedsOption,
    TargetOption,
    TrainedModelsOption,
    TrainedOnOption,
    WaitOption,
    WeightsOption,
    WorkspaceOption,
    existing,
    seeds_of,
)
from fer_bench.cli.printing import print_json, print_table
from fer_bench.cli.saying import percent, points
from fer_bench.errors import FerBenchError
from fer_bench.lookup import open_prepared, open_training, trained_on

if TYPE_CHECKING:
    from fer_bench.records import RobustnessRecord
    from fer_bench.robustness.summary import Robustness


def robustness(
    context: typer.Context,
    model: TrainedModelsOption,
    dataset: TrainedOnOption,
    on: TargetOption = None,
    recipe: RunRecipeOption = "paper",
    seed: SeedOption = 0,
    seeds: SeedsOption = None,
    weights: WeightsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Test trained models on worse pictures: noise, blur, darkness, inexact crops, covered faces, and more.

    Every test image is answered as it is, and then under eleven corruptions with five severities each. All models see
    the same pictures, so their differences are taken image by image. Models are not trained for it. Give the same
    --recipe, --seed and --weights as for train; of a model that add-onnx added they do not matter. It takes 56 times as
    long as evaluate, and goes on where it was interrupted.

    Example: fer-bench robustness --model clcm --model mobilenetv2 --dataset fer2013
    """
    from fer_bench import stages
    from fer_bench.datasets.joined import parts_of
    from fer_bench.external.model import is_external, load_external
    from fer_bench.robustness.document import to_json
    from fer_bench.robustness.summary import Robustness

    if len(set(model)) != len(model):
        raise FerBenchError(f"--model {', '.join(model)}: a model is named twice")
    parts = parts_of(dataset)
    if on is None and len(parts) > 1:
        raise FerBenchError(f"--dataset {dataset}: several test sets; name one of them by --on: {', '.join(parts)}")
    place, numbers = existing(workspace), seeds_of(context, [seed], seeds)
    with place.lock(wait=wait):
        networks, prepared = stages.Networks(), open_training(place, dataset)
        target = open_prepared(place, dataset if on is None else on)
        # All are looked up before the first is tested.
        files = {name: load_external(place, name) for name in model if is_external(place, name)}
        found = {
            name: [trained_on(place, name, prepared, recipe, number, weights) for number in numbers]
            for name in model
            if name not in files
        }
        tested = []
        for name in model:
            if name in files:
                from fer_bench.external.testing import test_external_corrupted

                runs = [test_external_corrupted(place, files[name], target)]
            else:
                runs = [stages.test_corrupted_run(place, run, cell, target, networks) for cell, run in found[name]]
            tested.append(Robustness(tuple(runs)))
    if json:
        print_json(to_json(tested))
        return
    _print(tested)


def _print(tested: "Sequence[Robustness]") -> None:
    from statistics import mean

    from fer_bench.corruptions import CORRUPTIONS
    from fer_bench.robustness.summary import difference, interval

    own = [one.first for one in tested if not one.first.external]
    first = (own or [tested[0].first])[0]
    origin = " (synthetic faces)" if first.origin == "synthetic" else ""
    # With --weights, models that the recipe starts otherwise have recipes of their own.
    one_recipe = len({run.recipe for run in own}) < 2
    by = f" by {first.recipe}" if one_recipe else ""
    trained = f" of models trained on {first.dataset}{by}" if own else ""
    names = [_name(one.first, one_recipe) for one in tested]
    print_table(
        f"Accuracy{origin}{trained}, on worse pictures of {first.target} ({first.n:,} images), %",
        ("pictures", *names),
        [
            ("as they are", *(_percent(mean(one.clean)) for one in tested)),
            *((name, *(_percent(mean(one.under(name))) for one in tested)) for name in CORRUPTIONS),
            ("mean of these", *(percent(interval(one)) for one in tested)),
            ("lost", *(_percent(mean(one.lost)) for one in tested)),
        ],
        numbers=len(names),
    )
    if len(own) < len(tested):
        typer.echo("† trained elsewhere, which nobody has checked: it may have seen these pictures")
    if len(tested) == 1:
        return
    print_table(
        "Differences, points (95 % interval over the test images, not over seeds)",
        ("models", "as they are", "mean under corruptions", "lost"),
        [
            (f"{first} - {second}", points(found.clean), points(found.corrupted), points(found.lost))
            for (first, a), (second, b) in itertools.combinations(zip(names, tested, strict=True), 2)
            for found in [difference(a, b)]
        ],
        numbers=3,
    )


def _name(run: "RobustnessRecord", one_recipe: bool) -> str:
    if run.external:
        return f"{run.model} †"
    return run.model if one_recipe else f"{run.model}@{run.recipe}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
