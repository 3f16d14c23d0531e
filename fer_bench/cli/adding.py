"""The command that takes a published model into the benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import DEFAULT_WORKSPACE, JsonOption, WaitOption, WorkspaceOption
from fer_bench.cli.printing import print_json
from fer_bench.external import Layout, Values

if TYPE_CHECKING:
    from fer_bench.external.model import ExternalModel


def add_onnx(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="ONNX model; weights may lie in files beside it.")],
    name: Annotated[str, typer.Option("--name", "-n", help="Name of the model in tables and for --model; lower case.")],
    labels: Annotated[
        str,
        typer.Option(
            help="Class of each output in the file's order, separated by commas, by the usual English names. "
            "'contempt' is dropped; so is '-', for any other output that is none of the seven classes."
        ),
    ],
    values: Annotated[
        Values | None,
        typer.Option(
            help="Range of the pixel values that the model expects; ONNX files do not record it. Required, unless "
            "--mean and --std are given."
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            help="Mean that the model's author subtracts from pixels in 0 to 1, instead of --values and together "
            "with --std; one number, or three separated by commas."
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            help="Standard deviation that pixels are divided by after --mean is subtracted; one number, or three "
            "separated by commas."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="Image size in pixels, such as 64 or 48x64 (height x width). Required if the file leaves it open."
        ),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(
            help="Image channels: 1 (gray) or 3 (RGB, the gray image repeated). Required if the file leaves them open."
        ),
    ] = None,
    layout: Annotated[
        Layout | None,
        typer.Option(
            case_sensitive=False, help="Order of the input's axes. Required if the input's shape does not show it."
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="Name of the output with the emotions. Required if the model has several outputs."),
    ] = None,
    trained_on: Annotated[
        str, typer.Option(help="What the model was trained on, in its author's words; printed in tables, not checked.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a model of the same name that was added before.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Add an ONNX model from elsewhere to the workspace, so that it can be evaluated, profiled and ranked.

    Size, channels, layout and outputs are read from the file; what it leaves open is asked for, and what contradicts
    it is refused. The file is copied, tried on drawn faces, and never trained. Every table marks its rows with a dagger
    and says that its training data and protocol are its author's. Then: fer-bench evaluate --model NAME --dataset TEST.

    Example: fer-bench add-onnx net.onnx --name net --values 0..1 --labels angry,disgust,fear,happy,neutral,sad,surprise
    """
    import dataclasses

    from fer_bench.external.adding import Told
    from fer_bench.external.adding import add_onnx as add
    from fer_bench.workspace import Workspace

    told = Told(
        labels=labels,
        values=values,
        mean=mean,
        std=std,
        size=size,
        channels=channels,
        layout=layout,
        output=output,
        trained_on=trained_on,
    )
    place = Workspace(workspace)
    with place.lock(wait=wait):
        model = add(place, file, name, told, replace=replace)
    if json:
        print_json({**dataclasses.asdict(model), "recipe": model.recipe})
    else:
        _print(model)


def _print(model: "ExternalModel") -> None:
    from fer_bench.emotions import EMOTIONS
    from fer_bench.render.text import plain

    dropped = [label for label in model.labels if label not in EMOTIONS]
    flops = f"{model.flops_paper_rule / 1e9:.4f}" if model.flops_paper_rule is not None else "–"
    typer.echo(
        f"{model.name}: {plain(model.source)}, sha256 {model.sha256}\n"
        f"input: {model.external.input}{', one image a call' if model.image.fixed_batch else ''}\n"
        f"output {model.output!r}: {', '.join(model.labels)}; "
        f"{'scores, made probabilities by softmax' if model.scores else 'probabilities'}"
        + (f"; dropped, the rest sums to 1 again: {', '.join(dropped)}" if dropped else "")
        + f"\n{model.parameters:,} parameters; GFLOPs {flops}"
        + (f" ({model.uncounted})" if model.uncounted else "")
        + f"\ntrained on: {model.trained_on or 'not said'}; not checked"
    )
