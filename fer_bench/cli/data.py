"""Commands about what there is: datasets, models, synthetic faces, prepared datasets."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fer_bench.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, print_json, print_table


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(datasets)
    app.command()(models)
    app.command()(synthesize)
    app.command()(prepare)


def datasets(
    name: Annotated[str | None, typer.Argument(help="Tell all about one dataset.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """List the datasets: official counts, what is prepared, where to get them.

    Example: fer-bench datasets raf-db
    """
    from fer_bench.datasets import dataset_card, dataset_cards
    from fer_bench.datasets.prepared import read_manifest
    from fer_bench.workspace import Workspace

    cards = [dataset_card(name)] if name else list(dataset_cards().values())
    found: list[dict[str, Any]] = []
    for card in cards:
        manifest = read_manifest(Workspace(workspace).prepared(card.name))
        found.append(
            {
                "name": card.name,
                "title": card.title,
                "image_size": list(card.size),
                "trainable": card.trainable,
                "official_counts": {part: list(counts) for part, counts in card.counts.items()},
                "layouts": {layout.name: layout.description for layout in card.layouts},
                "label_map": dict(card.label_map),
                "licence": card.licence,
                "access": card.access,
                "citation": card.citation,
                "prepared": None
                if manifest is None
                else {key: manifest[key] for key in ("origin", "layout", "crop", "n", "fingerprint")},
            }
        )
    if json:
        print_json(found)
        return
    rows = []
    for item in found:
        prepared = item["prepared"]
        state = "no" if prepared is None else f"{prepared['n']:,} images, {prepared['origin']}, {prepared['layout']}"
        counts = ", ".join(f"{part} {sum(numbers):,}" for part, numbers in item["official_counts"].items())
        rows.append((item["name"], item["title"], counts, f"{item['image_size'][0]} x {item['image_size'][1]}", state))
    print_table("Datasets", ("name", "title", "official images", "stored as", "prepared"), rows)
    if name:
        item = found[0]
        typer.echo(f"\nLicence: {item['licence']}\nAccess: {item['access']}\nCite: {item['citation']}\n\nLayouts:")
        for layout, description in item["layouts"].items():
            typer.echo(f"  {layout}: {description}")
        typer.echo("\nLabels: " + ", ".join(f"{code} {emotion}" for code, emotion in item["label_map"].items()))


def models(json: JsonOption = False) -> None:
    """List the models: parameters with seven classes, reference.

    Example: fer-bench models --json
    """
    from fer_bench.models import model_cards

    cards = model_cards().values()
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
                    "imagenet_weights": card.load_imagenet is not None,
                }
                for card in cards
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
                "yes" if card.load_imagenet else "no",
                f"{card.trainable_parameters:,}",
                f"{card.trainable_parameters + card.non_trainable_parameters:,}",
                "–" if card.paper_trainable_parameters is None else f"{card.paper_trainable_parameters:,}",
            )
            for card in cards
        ],
        numbers=3,
    )


def synthesize(
    dataset: Annotated[str, typer.Argument(help="fer2013, raf-db, affectnet or ck-plus.")],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="New or empty folder.")],
    train: Annotated[int, typer.Option(min=0, help="Training images, over all classes.")] = 700,
    test: Annotated[int, typer.Option(min=7, help="Test images; for ck-plus labelled sequences.")] = 560,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="The same seed gives the same files.")] = 0,
    layout: Annotated[str | None, typer.Option(help="One of the dataset's layouts; its first by default.")] = None,
    json: JsonOption = False,
) -> None:
    """Write synthetic faces in a dataset's real on-disk layout.

    Example: fer-bench synthesize raf-db /tmp/raf-db --train 700 --test 140
    """
    from fer_bench.datasets.synthetic import synthesize as write
    from fer_bench.progress import bar

    with bar(f"synthesize {dataset}", unit="img") as shown:
        marker = write(
            dataset,
            destination,
            train=train,
            test=test,
            seed=seed,
            layout=layout,
            progress=lambda n, of: shown.at(n, of),
        )
    if json:
        print_json(marker)
        return
    counts = ", ".join(f"{part} {sum(numbers):,}" for part, numbers in marker["counts"].items())
    typer.echo(f"{destination}: synthetic {dataset} in the layout {marker['layout']!r} ({counts} images)")


def prepare(
    dataset: Annotated[str, typer.Argument(help="fer2013, raf-db, affectnet or ck-plus.")],
    source: Annotated[Path, typer.Option("--source", help="The dataset as you hold it; it is never changed.")],
    layout: Annotated[str | None, typer.Option(help="Force a layout; recognised by itself otherwise.")] = None,
    crop: Annotated[str | None, typer.Option(help="For ck-plus: 'landmarks' (default) or 'none'.")] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the 20 % validation taken from train.")] = 0,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Accept a copy whose counts are not the official ones.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Turn raw files into a prepared dataset: right images, labels and splits, or a message that says what is wrong.

    Example: fer-bench prepare fer2013 --source ~/data/fer2013
    """
    from fer_bench.datasets import dataset_card
    from fer_bench.datasets.store import prepare as run
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace

    card = dataset_card(dataset)
    place = Workspace(workspace)
    with place.lock(), bar(f"prepare {dataset}", unit="img") as shown:
        prepared = run(
            card,
            source,
            place.prepared(dataset),
            layout=layout,
            crop=crop,
            split_seed=split_seed,
            allow_incomplete=allow_incomplete,
            progress=shown.at,
        )
    if json:
        print_json(prepared.manifest)
        return
    _print_prepared(card, prepared.manifest)


def _print_prepared(card: Any, manifest: dict[str, Any]) -> None:
    from fer_bench.emotions import EMOTIONS

    origin = " (synthetic)" if manifest["origin"] == "synthetic" else ""
    typer.echo(f"{card.title}{origin}: layout {manifest['layout']!r} recognised by {manifest['evidence']}")
    rows = []
    for part, counts in manifest["counts"]["parts"].items():
        rows.append((part, "found", *(f"{count:,}" for count in counts), f"{sum(counts):,}"))
        if manifest["origin"] == "real" and part in card.counts:
            official = card.counts[part]
            rows.append(("", "official", *(f"{count:,}" for count in official), f"{sum(official):,}"))
    for split, counts in manifest["counts"]["splits"].items():
        rows.append((split, "split", *(f"{count:,}" for count in counts), f"{sum(counts):,}"))
    print_table("Images per class", ("part", "", *EMOTIONS, "total"), rows, numbers=len(EMOTIONS) + 1)
    typer.echo("Labels: " + ", ".join(f"{code} = {emotion}" for code, emotion in card.label_map.items()))
    for note in manifest["notes"]:
        typer.echo(f"Note: {note}")
    typer.echo(f"Fingerprint: {manifest['fingerprint']}")
