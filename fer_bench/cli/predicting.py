"""The command that classifies pictures."""

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    LARGEST_SEED,
    RunWeightsOption,
    WorkspaceOption,
)
from fer_bench.errors import FerBenchError, number_of

if TYPE_CHECKING:
    from fer_bench.prediction.answers import Answer
    from fer_bench.prediction.model import Model

ExportedOption = Annotated[
    str, typer.Option("--model", "-m", help="Trained model, or a file that fer-bench export wrote (.onnx, .tflite).")
]
ItsDatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", "-d", help="Dataset that the model was trained on; leave it out for an exported file."),
]
ItsRecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        "-r",
        help="Preset or TOML file, as for train, or id of a recipe that was trained in the workspace. Default: paper.",
    ),
]
ItsSeedOption = Annotated[
    int | None,
    typer.Option("--seed", "-s", min=0, max=LARGEST_SEED, help="Seed that the model was trained with. Default: 0."),
]

Form = Literal["text", "csv", "json"]


def predict(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE|FOLDER|-", help="Pictures, folders of pictures, or - to read paths from stdin."),
    ],
    model: ExportedOption,
    dataset: ItsDatasetOption = None,
    crop: Annotated[
        bool,
        typer.Option(
            "--crop/--no-crop",
            help="Find the largest face and cut it out (needs the extra faces), or take the pictures as they are: "
            "faces, cropped as the training data.",
        ),
    ] = True,
    crop_scale: Annotated[
        float | None,
        typer.Option(
            "--crop-scale",
            min=0.5,
            max=4,
            help="Side of the square that is cut out, as a multiple of the side of the box found around the face. "
            "Default: 1.15, the framing of FER-2013.",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines on stdout: one object for each picture.")
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV on stdout: one row for each picture, one column for each class.")
    ] = False,
    recipe: ItsRecipeOption = None,
    seed: ItsSeedOption = None,
    weights: RunWeightsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Say which of the seven expressions the face in each picture resembles most, with probabilities.

    Pictures stream through: thousands take no more memory than a few. With --no-crop the answers to the images of a
    dataset that prepare does not crop are those of evaluate. A picture without a face is said to have none; one that
    cannot be read gets a line with the reason, the others are answered, and the exit code is 2. Give the same --recipe,
    --seed and --weights as for train; an exported file says itself how it was trained.

    An apparent expression is not a felt emotion, and a probability is the model's, not a truth about a person. Use it
    for research and on pictures of people who agreed. Emotion recognition is restricted by law in places: the EU
    forbids inferring emotions at work and in education (AI Act, Art. 5(1)(f)).

    Example: fer-bench predict --model clcm --dataset fer2013 holiday.jpg portraits/
    """
    from fer_bench.messages import warn
    from fer_bench.prediction.faces import CROP_SCALE, require_detector
    from fer_bench.prediction.loading import load_model
    from fer_bench.prediction.sources import from_arguments

    if json and csv:
        raise FerBenchError("--json and --csv exclude each other; give one of them")
    if crop_scale is not None and not crop:
        raise FerBenchError("--crop-scale and --no-crop exclude each other; give one of them")
    sources, total = from_arguments(images, _lines_of_stdin())
    if crop:
        require_detector()
    loaded = load_model(model, dataset=dataset, recipe=recipe, seed=seed, weights=weights, workspace=workspace)
    if loaded.origin == "synthetic":
        warn(f"{loaded.name} was trained on synthetic faces: its answers to photographs mean nothing")
    answers = loaded.answers(sources, crop=crop, crop_scale=crop_scale or CROP_SCALE)
    bad, seen = _print(answers, loaded, "json" if json else "csv" if csv else "text", total)
    if bad:
        raise FerBenchError(
            f"{bad:,} of {number_of(seen, 'picture')} could not be read; the reason stands with each above"
        )


def _lines_of_stdin() -> Iterator[str]:
    """Yield the lines of standard input as paths: a file's name may be of any bytes, not only of UTF-8."""
    for line in sys.stdin.buffer:
        yield os.fsdecode(line)


def _print(answers: "Iterator[Answer]", model: "Model", form: Form, total: int | None) -> tuple[int, int]:
    """Print every answer as it comes; return how many pictures could not be read, and how many there were."""
    from fer_bench.datasets.folder import shown
    from fer_bench.messages import print_line, warn
    from fer_bench.prediction.answers import TEXT_HEADER, NoAnswer, csv_header, to_csv, to_json, to_text
    from fer_bench.progress import bar

    bad = seen = 0
    with bar("predict", total, "img") as progress:
        header = {"text": TEXT_HEADER, "csv": csv_header(model.classes), "json": ""}[form]
        if header:
            print_line(header)
        for answer in answers:
            seen += 1
            if isinstance(answer, NoAnswer) and answer.bad:
                bad += 1
                warn(f"{shown(answer.picture)}: {answer.reason}")
            if form == "json":
                print_line(to_json(answer, model.origin))
            elif form == "csv":
                print_line(to_csv(answer, model.classes, model.origin))
            elif not (isinstance(answer, NoAnswer) and answer.bad):
                print_line(to_text(answer))
            progress.advance()
    return bad, seen
