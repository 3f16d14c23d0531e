"""Commands that look at prepared data: what it holds twice, what the network sees, whether its labels fit."""

from pathlib import Path
from typing import Annotated

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    DatasetOption,
    JsonOption,
    ModelOption,
    RecipeOption,
    RunRecipeOption,
    RunWeightsOption,
    SeedOption,
    WorkspaceOption,
    is_written,
)
from fer_bench.cli.printing import print_json, print_table
from fer_bench.cli.writing import require_file
from fer_bench.errors import FerBenchError, number_of
from fer_bench.lookup import open_prepared, trained_cell

PreparedArgument = Annotated[str, typer.Argument(metavar="DATASET", help="Name of a prepared dataset.")]

doctor = typer.Typer(invoke_without_command=True)


def audit(
    dataset: Annotated[
        str,
        typer.Argument(metavar="DATASET", help="Name of a prepared dataset, or of several: fer2013+ck-plus."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="CSV file to write the list of duplicates to. Default: below audits/ in the workspace."
        ),
    ] = None,
    runs: Annotated[
        bool,
        typer.Option(
            "--runs",
            help="Also show what the workspace's trained models scored on test images with and without a copy "
            "among the training images.",
        ),
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Find duplicate images: exact or near copies, across train and test, or with different labels.

    Of several datasets it finds the copies across them: test images of one among the training images of another, which
    make cross-tests and joint training look too good. The validation part counts as train. The list of files goes to
    audits/DATASET.csv in the workspace.

    Example: fer-bench audit fer2013 --runs

    Example: fer-bench audit fer2013+ck-plus
    """
    from fer_bench.accuracy.copies import by_copies
    from fer_bench.cli.across import audit_several
    from fer_bench.cli.copies import parted_json, print_parted
    from fer_bench.datasets.audit import audit as examine
    from fer_bench.datasets.audit import subject_lines, table_rows, write_csv
    from fer_bench.datasets.integrity import require_intact
    from fer_bench.datasets.joined import SEPARATOR, in_order
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    several = SEPARATOR in dataset
    dataset = in_order(dataset) if several else dataset
    listed = out or place.audit(dataset)
    require_file(listed)
    if several:
        audit_several(place, dataset, listed, runs=runs, json=json)
        return
    prepared = open_prepared(place, dataset)
    require_intact(prepared)
    with bar(f"audit {dataset}", unit="img") as shown:
        result = examine(prepared, progress=shown.at)
    write_csv(listed, prepared, result)
    tests = list(by_copies(place.results, prepared, result.exact)) if runs else []
    if json:
        parted = {"runs": [parted_json(test) for test in tests]} if runs else {}
        print_json(result.as_json() | parted)
        return
    print_table(
        f"{prepared.title} ({prepared.origin}): {number_of(len(prepared.ids), 'image')}",
        ("", "groups", "extra copies", "across train and test", "with different labels"),
        [(str(row[0]), *(f"{number:,}" for number in row[1:])) for row in table_rows(result)],
        numbers=4,
    )
    for line in subject_lines(result):
        typer.echo(line)
    if runs:
        print_parted(tests)
    typer.echo(f"files: {listed}")


def show(
    context: typer.Context,
    dataset: PreparedArgument,
    recipe: RecipeOption = "paper",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="PNG file to write. Default: below contact-sheets/ in the workspace."),
    ] = None,
    each: Annotated[int, typer.Option(min=1, max=20, help="Number of images of each class.")] = 4,
    seed: Annotated[
        int, typer.Option("--seed", "-s", min=0, help="Seed that draws the images and their augmentations.")
    ] = 0,
    corrupted: Annotated[
        bool,
        typer.Option("--corrupted", help="Draw one test image under every corruption of fer-bench robustness instead."),
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Draw some images of each class, before and after augmentation, as the network will see them.

    Example: fer-bench show raf-db --recipe demo

    Example: fer-bench show raf-db --corrupted
    """
    from fer_bench.contact_sheet import draw
    from fer_bench.presets import load_recipe
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    chosen = load_recipe(recipe)
    if corrupted and (is_written(context, "each") or is_written(context, "recipe")):
        raise FerBenchError("--corrupted draws one image as it is stored: leave out --each and --recipe")
    path = out or place.contact_sheet(f"{dataset}-corrupted" if corrupted else dataset)
    require_file(path)
    prepared = open_prepared(place, dataset)
    if path.suffix.lower() != ".png":
        raise FerBenchError(f"--out {path}: expected a name that ends in .png")
    if corrupted:
        from fer_bench.robustness.sheet import draw_corrupted

        draw_corrupted(prepared, path, seed=seed)
    else:
        draw(prepared, chosen.augmentation, chosen.image_size, path, each=each, seed=seed)
    typer.echo(str(path))


@doctor.callback()
def _doctor(
    context: typer.Context,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Check the installation: packages, backend, devices, memory, disk, workspace, ImageNet weights.

    Nothing is downloaded. Each line is ok, a warning or an error, with what to do; exit code 1 where there is an error.

    Example: fer-bench doctor
    """
    if context.invoked_subcommand is not None:
        if json or is_written(context, "workspace"):
            raise FerBenchError(
                f"put --workspace and --json after the subcommand: doctor {context.invoked_subcommand} ..."
            )
        return
    from fer_bench.doctor import examine
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace

    with bar("doctor", unit="check") as shown:
        found = examine(Workspace(workspace), shown.step)
    sick = any(finding.state == "error" for finding in found)
    if json:
        import dataclasses

        print_json({"ok": not sick, "findings": [dataclasses.asdict(finding) for finding in found]})
    else:
        from rich.text import Text

        colours = {"ok": "green", "warning": "yellow", "error": "red"}
        print_table(
            "Installation",
            ("check", "state", "found", "what to do"),
            [
                (finding.check, Text(finding.state, style=colours[finding.state]), finding.found, finding.advice)
                for finding in found
            ],
        )
    if sick:
        raise typer.Exit(1)


@doctor.command()
def labels(
    model: ModelOption,
    dataset: DatasetOption,
    recipe: RunRecipeOption = "paper",
    seed: SeedOption = 0,
    weights: RunWeightsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Find classes whose labels were swapped, from a tested model's answers on its own dataset's test set.

    Every dataset numbers the emotions in another order, and a wrong order costs accuracy without an error. Warns, with
    exit code 1, where another order of the classes fits the answers far better on images that it was not chosen on,
    and in the way of a swap. It cannot see labels that are wrong in training and test alike, nor swaps of classes that
    the model hardly recognises or tells apart: look at the pictures (fer-bench show), or cross-test. Give the same
    --recipe, --seed and --weights as for train. Of a model that add-onnx added, it tells where --labels has another
    order than the file.

    Example: fer-bench doctor labels --model clcm --dataset raf-db
    """
    import dataclasses

    from fer_bench import grid, label_doctor
    from fer_bench.external.alike import warning
    from fer_bench.external.model import is_external, load_external
    from fer_bench.external.testing import tested_external
    from fer_bench.messages import warn
    from fer_bench.workspace import Workspace

    place, said = Workspace(workspace), ""
    if is_external(place, model):
        prepared, external = open_prepared(place, dataset), load_external(place, model)
        record = tested_external(place, external, prepared)
        said = warning(place, external, prepared, record) if record else ""
    else:
        _, run, prepared = trained_cell(place, model, dataset, recipe, seed, weights)
        record = grid.evaluated(place, run, prepared)
    if record is None:
        raise FerBenchError(
            f"{model} has not been tested on {dataset}; run fer-bench evaluate with the same options first"
        )
    found = label_doctor.diagnose(place.results.records, record)
    if json:
        print_json(dataclasses.asdict(found))
    else:
        typer.echo(f"{model} on {prepared.origin} {dataset}, {found.n:,} test images: {found.reason}")
        if not found.suspicious:
            typer.echo(
                "Labels that are wrong in training and test alike stay unseen here, and so do swaps of classes that "
                "the model hardly recognises or tells apart: see fer-bench show."
            )
    if said:
        warn(said)
    if found.suspicious:
        raise typer.Exit(1)
