"""The command that writes a page which runs a model in the browser."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from fer_bench.cli.options import DEFAULT_WORKSPACE, RunWeightsOption, WorkspaceOption
from fer_bench.cli.predicting import ItsDatasetOption, ItsRecipeOption, ItsSeedOption
from fer_bench.errors import FerBenchError
from fer_bench.files import expanded

_ENDINGS = (".html", ".htm")


def web_demo(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="HTML file to write, such as demo.html.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Trained model, or a file that fer-bench export --to onnx wrote.")
    ],
    dataset: ItsDatasetOption = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            "--runtime",
            help="ONNX Runtime Web: the archive that `npm pack onnxruntime-web@1.30.0` fetches, or a folder of it "
            "unpacked. Always needed.",
        ),
    ] = None,
    crop: Annotated[
        bool,
        typer.Option("--crop/--no-crop", help="Let the page find the face, or let the user place the square by hand."),
    ] = True,
    recipe: ItsRecipeOption = None,
    seed: ItsSeedOption = None,
    weights: RunWeightsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Write one HTML file that runs a model in the browser, on the webcam or a dropped picture.

    Open it from disk: model and runtime are inside, and the page is forbidden to connect to anything. Needs the extras
    onnx and faces, with --no-crop only onnx. Give the same --recipe, --seed and --weights as for train; an exported
    file says itself how it was trained.

    An apparent expression is not a felt emotion. Show it people who agreed, and mind the law: the EU forbids inferring
    emotions at work and in education (AI Act, Art. 5(1)(f)).

    Example: fer-bench web-demo demo.html --model clcm --dataset fer2013 --runtime onnxruntime-web-1.30.0.tgz
    """
    from fer_bench.prediction.faces import require_detector
    from fer_bench.prediction.loading import DEFAULT_RECIPE, DEFAULT_SEED, is_exported, refuse_training
    from fer_bench.web_demo.face_finder import web_face_finder
    from fer_bench.web_demo.page import write_page
    from fer_bench.web_demo.runtime import read_runtime

    # What is quickly told comes before an export of minutes.
    if out.is_dir():
        raise FerBenchError(f"{out}: a folder; name the page to write, such as {out / 'demo.html'}")
    if out.suffix.lower() not in _ENDINGS:
        raise FerBenchError(f"{out}: expected a name that ends in {' or '.join(_ENDINGS)}, by which browsers open it")
    embedded = read_runtime(runtime)
    if crop:
        require_detector()
    if is_exported(model):
        refuse_training(model, dataset=dataset, recipe=recipe, seed=seed, weights=weights)
        path = expanded(model)
    elif dataset is None:
        raise FerBenchError(f"--model {model}: name its --dataset too, or give an exported file (.onnx)")
    else:
        recipe, seed = DEFAULT_RECIPE if recipe is None else recipe, DEFAULT_SEED if seed is None else seed
        path = _exported(model, dataset, recipe, seed, weights, workspace)
    write_page(path, embedded, web_face_finder() if crop else None, out)
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB, open it in a browser")


def _exported(model: str, dataset: str, recipe: str, seed: int, weights: str | None, workspace: Path) -> Path:
    """Return the trained model's ONNX file in the workspace, exported where it is not there yet."""
    from fer_bench.export.exporting import check_target, default_path, export_run, sidecar
    from fer_bench.lookup import trained_cell
    from fer_bench.prediction.loading import read_contract
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    cell, run, prepared = trained_cell(place, model, dataset, recipe, seed, weights)
    path = default_path(place, cell, "onnx")
    if path.is_file() and sidecar(path).is_file():
        # One that is damaged is exported anew: it is the workspace's own.
        with contextlib.suppress(FerBenchError):
            if read_contract(path)["weights_sha256"] == run.weights_sha256:
                return path
    check_target("onnx", None)
    with bar(f"export {model}", unit="img") as shown:
        export_run(place, cell, run, prepared, "onnx", path, progress=shown.step)
    return path
