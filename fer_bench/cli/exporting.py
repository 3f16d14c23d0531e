"""The command that writes a trained model for other runtimes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    DatasetOption,
    JsonOption,
    ModelOption,
    RunRecipeOption,
    RunWeightsOption,
    SeedOption,
    WorkspaceOption,
)
from fer_bench.cli.printing import print_json
from fer_bench.cli.writing import require_file
from fer_bench.export import Target
from fer_bench.lookup import trained_cell


def export(
    model: ModelOption,
    dataset: DatasetOption,
    to: Annotated[Target, typer.Option("--to", "-t", help="Format of the file.")],
    recipe: RunRecipeOption = "paper",
    seed: SeedOption = 0,
    weights: RunWeightsOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write, .tflite or .onnx. Default: below exports/ in the workspace."),
    ] = None,
    images: Annotated[
        int, typer.Option("--images", min=0, help="Number of test images to compare the file with Keras on; 0 for all.")
    ] = 512,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Export a trained model as a LiteRT or ONNX file, if its answers agree with those of Keras.

    Class names, preprocessing and the outcome of the comparison go to NAME.json beside the file; an ONNX file holds the
    first two itself, too. A float file may differ by 1e-3 in a probability, and in its first answer only
    where Keras' first two are within 1e-3; an 8-bit one must give 90% of Keras' first answers and lose at most five
    points of accuracy and of mean per-class recall, and ten of any class's recall, as far as its test images can tell.
    Otherwise no file is written. Give the same --recipe, --seed and --weights as for train.

    Example: fer-bench export --model clcm --dataset fer2013 --to onnx
    """
    from fer_bench.export.exporting import check_target, default_path, export_run, sidecar
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace

    check_target(to, out)
    place = Workspace(workspace)
    cell, run, prepared = trained_cell(place, model, dataset, recipe, seed, weights)

    path = out or default_path(place, cell, to)
    require_file(path)
    with bar(f"export {model}", unit="img") as shown:
        content = export_run(place, cell, run, prepared, to, path, images=images, progress=shown.step)
    if json:
        print_json({"path": str(path), **content})
    else:
        _print(path, sidecar(path), content)


def _print(path: Path, beside: Path, content: dict[str, Any]) -> None:
    parity = content["parity"]
    typer.echo(
        f"{path}: {content['bytes'] / 1e6:.1f} MB, {content['model']} trained on {content['origin']} "
        f"{content['dataset']}\n"
        f"against Keras on {parity['images']:,} of {parity['test_images']:,} test images: the same first answer for "
        f"{parity['top1_agreement']:.1%}, largest difference of a probability {parity['max_difference']:.1e}"
    )
    if "accuracy" in content:
        accuracy = content["accuracy"]
        typer.echo(
            f"accuracy on all {accuracy['test_images']:,} test images: {accuracy['int8']:.1%} in 8 bits, "
            f"{accuracy['float']:.1%} in float; {_worst_class(accuracy['recall'])}"
        )
    if content["training_precision"] != "float32":
        typer.echo(_precision(content["training_precision"], content.get("stored_answers")))
    typer.echo(f"class names and preprocessing: {beside}")


def _worst_class(recall: dict[str, dict[str, float]]) -> str:
    """Return words that name the class whose recall falls most."""
    name, worst = max(recall.items(), key=lambda item: item[1]["float"] - item[1]["int8"])
    if worst["int8"] >= worst["float"]:
        return "no class is recognised less often"
    return (
        f"recall falls most for {name}, to {worst['int8']:.1%} of {worst['images']:,} images from {worst['float']:.1%}"
    )


def _precision(name: str, stored: dict[str, float] | None) -> str:
    """Return words on a run that was trained in another precision than its file computes in."""
    if stored is None:
        return (
            f"trained in {name}, and everything above is of its weights in float32; how that compares with {name} is "
            "not known before fer-bench evaluate"
        )
    return (
        f"trained in {name}, and everything above is of its weights in float32; on {stored['images']:,} test images "
        f"that gives the first answer of its test in {name} for {stored['top1_agreement']:.1%}, accuracy "
        f"{stored['float32_accuracy']:.1%} against {stored['stored_accuracy']:.1%}"
    )
