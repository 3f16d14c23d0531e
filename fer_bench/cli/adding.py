"""The command that takes a published model into the benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import DEFAULT_WORKSPACE, JsonOption, WaitOption, WorkspaceOption
from fer_bench.cli.printing import print_json
from fer_bench.external import Layout, Values

if TYPE_CHECKING:
    from fer_bench.external.model import ExternalModel


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("add-onnx")(add_onnx)


def add_onnx(
    file: Annotated[Path, typer.Argument(help="ONNX model; weights may lie in files beside it.")],
    name: Annotated[str, typer.Option("--name", "-n", help="What tables call it; lower case.")],
    labels: Annotated[
        str,
        typer.Option(
            help="Names of the outputs in the file's order, joined by commas; usual English names do. 'contempt', or "
            "'-' for anything else that is none of the seven classes, is dropped."
        ),
    ],
    values: Annotated[Values | None, typer.Option(help="What pixels are fed as. No file tells.")] = None,
    mean: Annotated[
        str | None,
        typer.Option(help="Instead of --values, with --std: of pixels in 0 to 1; one number or three, by commas."),
    ] = None,
    std: Annotated[str | None, typer.Option(help="See --mean.")] = None,
    size: Annotated[
        str | None, typer.Option(help="Where the file leaves it open: pixels, such as 64 or 48x64 (height x width).")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="Where the file leaves it open: 1 (gray) or 3 (RGB, the gray image repeated).")
    ] = None,
    layout: Annotated[
        Layout | None, typer.Option(case_sensitive=False, help="Where the file's shape does not tell.")
    ] = None,
    output: Annotated[str | None, typer.Option(help="Of several outputs, the one with the emotions.")] = None,
    trained_on: Annotated[
        str, typer.Option(help="What its author says that it was trained on; nobody checks. Tables print it.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace the model of that name.")] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Take a model from elsewhere into the workspace, as an ONNX file: evaluate, cross-test, profile and rank it.

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
