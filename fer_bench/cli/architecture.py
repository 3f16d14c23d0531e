"""The command ``architecture``: a model as the sequence of its layers and building blocks."""

import sys
from typing import Annotated

import typer

from fer_bench.cli.options import JsonOption
from fer_bench.cli.printing import print_table

IMAGE_SIZE, CLASSES = 224, 7


def architecture(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Only this model; may be given several times. Default: all built-in ones."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the architecture of models, read from the graph that Keras builds, as Tables 2 and 3 of the paper do.

    With --json and no --model this is the file from which fer-bench tables makes Tables 2 and 3.

    Example: fer-bench architecture --model clcm
    """
    from fer_bench import backend
    from fer_bench.external.model import refuse_external
    from fer_bench.models import built_in_cards, model_card
    from fer_bench.profiling.architecture import architecture as read
    from fer_bench.profiling.architecture import to_text
    from fer_bench.profiling.plan import ONE_SIZE
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace, default_root

    refuse_external(Workspace(default_root()), model or ())
    cards = [model_card(name) for name in model or built_in_cards()]
    backend.configure()
    found = []
    with bar("build", len(cards), unit="model") as shown:
        for done, card in enumerate(cards, start=1):
            card.check_image_size(IMAGE_SIZE, advice=ONE_SIZE)
            found.append(read(card.name, card.built(IMAGE_SIZE, CLASSES), IMAGE_SIZE, CLASSES))
            shown.at(done)
    if json:
        sys.stdout.write(to_text(found))
        return
    for item in found:
        print_table(
            f"{item.model} at {item.image_size} x {item.image_size}, {item.classes} classes",
            ("layer", "input", "output", "stride", "parameters", "trainable"),
            [
                (
                    unit.layer,
                    " x ".join(map(str, unit.input)),
                    " x ".join(map(str, unit.output)),
                    "–" if unit.stride is None else str(unit.stride),
                    f"{unit.parameters:,}",
                    f"{unit.trainable_parameters:,}",
                )
                for unit in item.units
            ],
            numbers=3,
        )
