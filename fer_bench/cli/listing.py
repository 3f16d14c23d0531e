"""Commands that list what there is: datasets and models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_bench.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption
from fer_bench.cli.printing import print_json, print_table
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError, number_of

if TYPE_CHECKING:
    from fer_bench.datasets.card import DatasetCard
    from fer_bench.external.model import ExternalModel


def datasets(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Dataset to describe in full. Default: list all.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """List the datasets: official counts, what is prepared, where to get them.

    Example: fer-bench datasets raf-db
    """
    from fer_bench.cli.saying import usable_datasets
    from fer_bench.datasets import dataset_cards
    from fer_bench.datasets.prepared import prepared_names, read_manifest, summary
    from fer_bench.lookup import require_known
    from fer_bench.messages import say
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    if name is not None:
        require_known(place, name)
    cards = dataset_cards() if name is not None else usable_datasets()
    found: list[dict[str, Any]] = []
    for known in [name] if name is not None else dict.fromkeys([*cards, *prepared_names(place.datasets)]):
        prepared, unreadable = None, ""
        try:
            prepared = summary(place.prepared(known))
        except FerBenchError as error:
            if name is not None:
                raise
            unreadable = str(error)  # The others are listed all the same.
            say(unreadable)
        if known in cards:
            item = _of_card(cards[known])
        else:
            item = _of_manifest(known, (read_manifest(place.prepared(known)) if prepared else None) or {})
        found.append({**item, "prepared": prepared, "unreadable": unreadable})
    if json:
        print_json(found)
        return
    rows = []
    for item in found:
        prepared = item["prepared"]
        state = "cannot be read" if item["unreadable"] else "no"
        if prepared is not None:
            state = f"{number_of(prepared['n'], 'image')}, {prepared['origin']}, {prepared['layout']}"
            state += "" if prepared["official_split"] else ", a re-upload"
            state += ", incomplete" if prepared["complete"] is False else ""
        counts = ", ".join(f"{part} {sum(numbers):,}" for part, numbers in item["official_counts"].items())
        size = " x ".join(map(str, item["image_size"]))
        rows.append((item["name"], item["title"], counts, size, state))
    print_table("Datasets", ("name", "title", "official images", "stored as", "prepared"), rows)
    if name is not None:
        _print_dataset(found[0])


def _of_card(card: "DatasetCard") -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "image_size": list(card.size),
        "trainable": card.trainable,
        "official_counts": {part: list(counts) for part, counts in card.counts.items()},
        "protocols": [
            {
                "name": protocol.name,
                "version": protocol.version,
                "description": protocol.description,
                "counts": protocol.counts and {part: list(n) for part, n in protocol.counts.items()},
            }
            for protocol in card.protocols
        ],
        "layouts": [
            {
                "name": layout.name,
                "description": layout.description,
                "tree": layout.tree,
                "protocols": list(layout.protocols),
                "crops": list(layout.crops),
                "official": layout.official,
            }
            for layout in card.layouts
        ],
        "label_map": dict(card.label_map),
        "licence": card.licence,
        "access": card.access,
        "files": card.files,
        "citation": card.citation,
        "card": True,
    }


def _of_manifest(name: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the same of a dataset without a card here, as far as its manifest tells; that may be empty."""
    counts, protocol = manifest.get("counts", {}), manifest.get("protocol")
    return {
        "name": name,
        "title": manifest.get("title", name),
        "image_size": manifest.get("size", []),
        "trainable": "train" in counts.get("splits", {}),
        "official_counts": {},
        "protocols": [{**protocol, "counts": None}] if protocol else [],
        "layouts": [],
        "label_map": manifest.get("label_map", {}),
        "licence": "",
        "access": "",
        "files": "",
        "citation": "",
        "card": False,
    }


def _print_dataset(item: dict[str, Any]) -> None:
    if not item["card"]:
        _print_without_card(item)
        return
    rows = [(part, *class_counts(counts)) for part, counts in item["official_counts"].items()]
    print_table("\nOfficial images per class", ("part", *EMOTIONS, "total"), rows, numbers=len(EMOTIONS) + 1)
    typer.echo("\nLabel codes: " + ", ".join(f"{code} = {emotion}" for code, emotion in item["label_map"].items()))
    for what in ("access", "files", "licence", "citation"):
        typer.echo(f"\n{what.capitalize()}: {item[what]}")
    typer.echo("\nProtocols (--protocol), the default first:")
    for protocol in item["protocols"]:
        typer.echo(f"  {protocol['name']} (version {protocol['version']}): {protocol['description']}")
    typer.echo("\nWhat the folder must look like (--layout), found by itself:")
    for layout in item["layouts"]:
        crops = "" if layout["crops"] == ["none"] else f"; crop: {' or '.join(layout['crops'])}"
        named = "" if layout["official"] else "; a re-upload, taken only when named"
        typer.echo(f"\n  {layout['name']} (protocol: {' or '.join(layout['protocols'])}{crops}{named})")
        for line in layout["tree"].strip("\n").splitlines():
            typer.echo(f"      {line}")


def _print_without_card(item: dict[str, Any]) -> None:
    typer.echo("\nLabels: " + ", ".join(f"{code} = {emotion}" for code, emotion in item["label_map"].items()))
    for protocol in item["protocols"]:
        typer.echo(f"\nProtocol: {protocol['name']} (version {protocol['version']}): {protocol['description']}")
    typer.echo("\nPrepared from a card that is not here: a file (prepare --card), or a package no longer installed.")


def models(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """List the models: parameters with seven classes, reference; and those that add-onnx added to the workspace.

    Example: fer-bench models --json
    """
    from fer_bench.cli.saying import say_left_out, usable_models
    from fer_bench.external.model import ExternalModel, external_names, load_external
    from fer_bench.models import model_card
    from fer_bench.workspace import Workspace

    cards = [model_card(name) for name in usable_models()]
    place = Workspace(workspace)
    externals: list[ExternalModel] = []
    for name in external_names(place):
        try:
            externals.append(load_external(place, name))
        except FerBenchError as error:  # The others are listed all the same.
            say_left_out(str(error))
    if json:
        print_json(
            [
                {
                    "name": card.name,
                    "title": card.title,
                    "reference": card.reference,
                    "trainable_parameters": card.trainable_parameters,
                    "non_trainable_parameters": card.non_trainable_parameters,
                    "total_parameters": card.trainable_parameters + card.non_trainable_parameters,
                    "paper_trainable_parameters": card.paper_trainable_parameters,
                    "imagenet_weights": card.imagenet_application is not None,
                    "external": False,
                }
                for card in cards
            ]
            + [
                {
                    "name": model.name,
                    "title": model.name,
                    "reference": _source(model),
                    "trainable_parameters": None,
                    "non_trainable_parameters": None,
                    "total_parameters": model.parameters,
                    "paper_trainable_parameters": None,
                    "imagenet_weights": False,
                    "external": True,
                }
                for model in externals
            ]
        )
        return
    print_table(
        "Models (seven classes)",
        ("name", "reference", "ImageNet", "trainable", "total", "paper"),
        [
            (
                card.name,
                card.reference,
                "yes" if card.imagenet_application else "no",
                f"{card.trainable_parameters:,}",
                f"{card.trainable_parameters + card.non_trainable_parameters:,}",
                "–" if card.paper_trainable_parameters is None else f"{card.paper_trainable_parameters:,}",
            )
            for card in cards
        ]
        + [(model.name, _source(model), "no", "–", f"{model.parameters:,}", "–") for model in externals],
        numbers=3,
    )


def _source(model: "ExternalModel") -> str:
    said = f"trained on {model.trained_on}, its author says" if model.trained_on else "training data not stated"
    return f"external, {model.source}; {said}"


def class_counts(counts: Sequence[int] | None) -> tuple[str, ...]:
    """Return the cells of a row of images per class, the total last; zeros for ``None``."""
    counts = counts or [0] * len(EMOTIONS)
    return (*(f"{count:,}" for count in counts), f"{sum(counts):,}")
