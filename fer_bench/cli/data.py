"""Commands that make datasets: synthetic faces, prepared datasets."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fer_bench.cli.listing import class_counts
from fer_bench.cli.options import DEFAULT_WORKSPACE, LARGEST_SEED, JsonOption, WaitOption, WorkspaceOption
from fer_bench.cli.printing import print_json, print_table
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError, number_of

_SHOWN = 20
"""Images named on the terminal."""


def synthesize(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="Dataset to imitate: fer2013, raf-db, affectnet or ck-plus.")
    ],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="Folder to write to; new or empty.")],
    train: Annotated[int, typer.Option(min=0, help="Number of training images, over all classes.")] = 700,
    test: Annotated[
        int, typer.Option(min=7, help="Number of test images, over all classes; for ck-plus, of labelled sequences.")
    ] = 560,
    seed: Annotated[
        int, typer.Option("--seed", "-s", min=0, help="Seed of the drawn faces; the same seed gives the same files.")
    ] = 0,
    layout: Annotated[
        str | None,
        typer.Option(
            help="One of the dataset's layouts. Default: folders (fer2013), aligned (raf-db), npy (affectnet), "
            "sequences (ck-plus)."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write synthetic faces in a dataset's real on-disk layout.

    Example: fer-bench synthesize raf-db /tmp/raf-db --train 700 --test 140
    """
    from fer_bench.datasets.synthetic import synthesize as write
    from fer_bench.progress import bar

    with bar(f"synthesize {dataset}", unit="img") as shown:
        marker = write(dataset, destination, train=train, test=test, seed=seed, layout=layout, progress=shown.at)
    if json:
        print_json(marker)
        return
    counts = ", ".join(f"{part} {sum(numbers):,}" for part, numbers in marker["counts"].items())
    typer.echo(f"{destination}: synthetic {dataset} in the layout {marker['layout']!r} ({counts} images)")


def prepare(
    source: Annotated[
        Path, typer.Option("--source", help="The dataset as you hold it, a folder or an archive; it is never changed.")
    ],
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help="Name of the dataset: fer2013, raf-db, affectnet, ck-plus or one that an installed package adds.",
        ),
    ] = None,
    card: Annotated[
        Path | None, typer.Option("--card", help="TOML file that describes a dataset of your own, instead of DATASET.")
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(help="Layout of the files; see fer-bench datasets NAME. Default: recognised automatically."),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="Which images, with which labels; see fer-bench datasets NAME.")
    ] = None,
    crop: Annotated[str | None, typer.Option(help="How to cut out the face; see fer-bench datasets NAME.")] = None,
    split_seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=LARGEST_SEED,
            help="Seed that draws the 20 % of the training images that become validation images. Of a dataset that "
            "names its subjects, 0 to 4 set apart five different groups of them.",
        ),
    ] = 0,
    deduplicate: Annotated[
        bool,
        typer.Option(
            "--deduplicate", help="Leave out training images that are pixel for pixel the same as a test image."
        ),
    ] = False,
    allow_incomplete: Annotated[
        bool,
        typer.Option(
            "--allow-incomplete", help="Accept a partial copy, whose numbers of images differ from the official ones."
        ),
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out images that cannot be read; the manifest lists every one.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Turn raw files into a prepared dataset: right images, labels and splits, or a message that says what is wrong.

    Example: fer-bench prepare fer2013 --source ~/data/fer2013.zip
    """
    from fer_bench.datasets import dataset_card
    from fer_bench.datasets.folder_card import load_card
    from fer_bench.datasets.store import Wishes
    from fer_bench.datasets.store import prepare as run
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace

    if (dataset is None) == (card is None):
        raise FerBenchError("name one dataset: fer-bench prepare fer2013 ..., or --card FILE for one of your own")
    chosen = load_card(card) if card is not None else dataset_card(dataset or "")
    wishes = Wishes(
        layout=layout,
        protocol=protocol,
        crop=crop,
        split_seed=split_seed,
        allow_incomplete=allow_incomplete,
        skip_bad=skip_bad,
        deduplicate=deduplicate,
    )
    place = Workspace(workspace)
    with place.lock(wait=wait), bar(f"prepare {chosen.name}", unit="img") as shown:

        def unpacking(done: int, of: int | None) -> None:
            shown.step("files of the archive" if done != of else "", done, of)

        prepared = run(chosen, source, place.prepared(chosen.name), wishes, progress=shown.at, unpacking=unpacking)
    if json:
        print_json(prepared.manifest)
        return
    _print_prepared(prepared.manifest)


def _print_prepared(manifest: dict[str, Any]) -> None:
    from fer_bench.datasets.folder import shown

    origin = " (synthetic)" if manifest["origin"] == "synthetic" else ""
    official = "" if manifest["official_split"] else "; a re-upload, NOT the official split"
    typer.echo(
        f"{manifest['title']}{origin}: layout {manifest['layout']!r}, recognised by {manifest['evidence']}{official}"
    )
    protocol = manifest["protocol"]
    typer.echo(f"Protocol {protocol['name']!r} (version {protocol['version']}): {protocol['description']}")
    if manifest["crop"] != "none":
        typer.echo(f"Crop: {manifest['crop']}")
    counts = manifest["counts"]
    kind = "synthetic" if origin else "official"
    rows = []
    parts = sorted({*(counts["expected"] or {}), *counts["found"]}, key=lambda part: (not _is_training(part), part))
    for part in parts:
        rows.append((part, "found", *class_counts(counts["found"].get(part))))
        if counts["expected"] is not None:
            rows.append(("", kind, *class_counts(counts["expected"].get(part))))
    rows += [(split, "split", *class_counts(counts["splits"].get(split))) for split in ("train", "val", "test")]
    print_table("Images per class", ("part", "", *EMOTIONS, "total"), rows, numbers=len(EMOTIONS) + 1)
    verdict = {True: "as expected", False: "INCOMPLETE, as allowed", None: "not checked: nobody has published them"}
    typer.echo(f"Counts: {verdict[manifest['complete']]}")
    labels = sorted(manifest["label_map"].items(), key=lambda label: _code_order(label[0]))
    typer.echo("Labels: " + ", ".join(f"{shown(code)} = {emotion}" for code, emotion in labels))
    for note in manifest["notes"]:
        typer.echo(f"Note: {note}")
    if not sum(counts["splits"].get("test") or ()):
        typer.echo("Note: no test images: nothing can be tested on it, and run-all refuses it")
    if manifest["deduplicated"] is not None:
        typer.echo(
            f"Deduplicated: {number_of(len(manifest['deduplicated']), 'training image')} equal to a test image dropped"
        )
    skipped = manifest["skipped"]
    if skipped:
        typer.echo(f"Left out: {number_of(len(skipped), 'image')}")
    for item in skipped[:_SHOWN]:
        typer.echo(f"  {shown(item['source'])}: {shown(item['reason'])}")
    if len(skipped) > _SHOWN:
        typer.echo(f"  and {len(skipped) - _SHOWN:,} more, in the manifest")
    typer.echo(f"Fingerprint: {manifest['fingerprint']}")


def _code_order(code: str) -> tuple[bool, int, str]:
    """Return what sorts numbers by their size, before the names of folders."""
    return (not code.isdecimal(), len(code) if code.isdecimal() else 0, code)


def _is_training(part: str) -> bool:
    return part.lower().startswith("train")
