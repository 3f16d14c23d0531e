"""The command that tests trained models on pictures that are worse than those of the test set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    JsonOption,
    RunRecipeOption,
    RunWeightsOption,
    SeedOption,
    SeedsOption,
    TargetOption,
    TrainedModelsOption,
    TrainedOnOption,
    WaitOption,
    WorkspaceOption,
    existing,
    seeds_of,
)
from fer_bench.cli.printing import print_json
from fer_bench.cli.worse_pictures import print_worse_pictures
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
    weights: RunWeightsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Test trained models on worse pictures: noise, blur, darkness, inexact crops, covered faces, and more.

    Every test image is answered as it is, and then under eleven corruptions with five severities each. All models see
    the same pictures, so their differences are taken image by image. Nothing is trained; a recipe may train on some of
    the corruptions, which are then marked. Give the same --recipe, --seed and --weights as for train; of a model that
    add-onnx added they do not matter. It takes 56 times as long as evaluate, and goes on where it was interrupted.

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
    # With --weights, models that the recipe starts otherwise have recipes of their own.
    one_recipe = len({one.first.recipe for one in tested if not one.first.external}) < 2
    names = [_name(one.first, one_recipe) for one in tested]
    if json:
        print_json(to_json(names, tested))
        return
    marked = [f"{name} †" if one.first.external else name for name, one in zip(names, tested, strict=True)]
    print_worse_pictures(_about(tested, one_recipe), marked, tested)
    if files:
        typer.echo("† trained elsewhere, which nobody has checked: it may have seen these pictures")


def _about(tested: "Sequence[Robustness]", one_recipe: bool) -> str:
    own = [one.first for one in tested if not one.first.external]
    first = (own or [tested[0].first])[0]
    origin = " (synthetic faces)" if first.origin == "synthetic" else ""
    by = f" by {first.recipe}" if one_recipe else ""
    trained = f" of models trained on {first.dataset}{by}" if own else ""
    return f"Accuracy{origin}{trained}, on worse pictures of {first.target} ({first.n:,} images), %"


def _name(run: "RobustnessRecord", one_recipe: bool) -> str:
    return run.model if one_recipe or run.external else f"{run.model}@{run.recipe}"
