"""The command that shows what trained models look at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    DatasetOption,
    JsonOption,
    RunRecipeOption,
    RunWeightsOption,
    SeedOption,
    TargetOption,
    TrainedModelsOption,
    WorkspaceOption,
)
from fer_bench.cli.printing import print_json, print_table
from fer_bench.cli.writing import require_folder
from fer_bench.errors import FerBenchError
from fer_bench.lookup import open_prepared, trained_cell

if TYPE_CHECKING:
    from fer_bench.explain.explanation import Explanation
    from fer_bench.explain.place import Place


MEAN_IMAGES = 50
"""Test images of each class that the mean heat is over, where --mean-images does not say."""


def explain(
    model: TrainedModelsOption,
    dataset: DatasetOption,
    on: TargetOption = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--id", help="Id of a test image to show; may be given several times. Default: one of each class."
        ),
    ] = None,
    draw: Annotated[
        int, typer.Option("--draw-seed", min=0, help="Seed that draws the images to show; another number shows others.")
    ] = 0,
    mean: Annotated[
        int,
        typer.Option(
            "--mean-images",
            min=0,
            help="Number of test images of each class to average the heat over; 0 leaves the mean heat out.",
        ),
    ] = MEAN_IMAGES,
    of: Annotated[
        Literal["predicted", "true"],
        typer.Option("--of", help="Class whose evidence is shown: the predicted one or the true one."),
    ] = "predicted",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the pictures. Default: below explanations/ in the workspace."),
    ] = None,
    recipe: RunRecipeOption = "paper",
    seed: SeedOption = 0,
    weights: RunWeightsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Draw what trained models look at (Grad-CAM): heat maps over test images, and the mean heat map of each class.

    Pictures go to explanations/ in the workspace or to --out, never to the published reports: the first shows faces.
    The second shows none. --json tells ids, probabilities and where in the picture the heat lies, so that conclusions
    can be drawn without any picture. Give the same --recipe, --seed and --weights as for train.

    Example: fer-bench explain --model clcm --model mobilenetv2 --dataset fer2013
    """
    from fer_bench.explain.document import notes, to_json
    from fer_bench.explain.explanation import explain as look
    from fer_bench.explain.figures import write_faces, write_mean_heat
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace

    if len(set(model)) != len(model):
        raise FerBenchError(f"--model {', '.join(model)}: a model is named twice")
    place = Workspace(workspace)
    runs = [trained_cell(place, name, dataset, recipe, seed, weights)[:2] for name in model]
    target = open_prepared(place, dataset if on is None else on)
    folder = out or place.explanations(target.dataset)
    require_folder(folder)
    with bar("explain", unit="img") as shown:
        found = look(place, runs, target, ids=image or (), draw=draw, each=mean, of=of, on_progress=shown.step)
        stem = f"{_named(model)}__{dataset}__{runs[0][0].recipe.id}__s{seed}"
        # What is not the default is in the names: no picture takes the place of another one.
        evidence, draws = ["true"] * (of == "true"), [f"draw{draw}"] * (draw > 0)
        shown_images = [f"ids-{_digest(image)}"] if image else draws
        averaged = [*draws, *[f"{mean}-images"] * (mean != MEAN_IMAGES)]
        faces = folder / f"{'__'.join([stem, *evidence, *shown_images, 'faces'])}.png"
        average = folder / f"{'__'.join([stem, *evidence, *averaged, 'mean-heat'])}.png" if mean else None
        write_faces(found, faces)
        if average is not None:
            write_mean_heat(found, average)
    if json:
        print_json(to_json(found, faces, average))
        return
    _print(found)
    for note in notes(found):
        typer.echo(note)
    typer.echo(f"heat over faces: {faces}" + (f"\nmean heat, no faces: {average}" if average else ""))


def _named(models: list[str]) -> str:
    """Return the models in a file name, which has an end."""
    return "+".join(models) if len(models) <= 3 else f"{len(models)}-models-{_digest(models)}"


def _digest(names: list[str]) -> str:
    import hashlib

    return hashlib.sha256("+".join(names).encode()).hexdigest()[:8]


def _print(found: "Explanation") -> None:
    from fer_bench.emotions import EMOTIONS

    synthetic = " (synthetic faces)" if found.origin == "synthetic" else ""
    names = [model.run.model for model in found.models]
    print_table(
        f"{found.title}{synthetic}: answers, and heat in the upper / middle / lower third of the picture, %",
        ("image", "true", *names),
        [
            (
                sample.id,
                EMOTIONS[sample.true],
                *(
                    f"{EMOTIONS[answer.predicted]} {max(answer.probabilities):.0%}: {_thirds(answer.place)}"
                    for answer in sample.answers
                ),
            )
            for sample in found.samples
        ],
    )
    if not found.models[0].means:
        return
    print_table(
        "Mean heat of each class in the upper / middle / lower third, %",
        ("class", "images", *names),
        [
            (name, f"{found.models[0].means[label].images:,}", *(_thirds(m.means[label].place) for m in found.models))
            for label, name in enumerate(EMOTIONS)
        ],
        numbers=1 + len(names),
    )


def _thirds(found: "Place | None") -> str:
    if found is None:
        return "–"
    return " / ".join(f"{100 * part:.0f}" for part in (found.upper, found.middle, found.lower))
