"""The command that compares trained models by their stored predictions: no Keras, no images."""

from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    JsonOption,
    LocalByDefault,
    TargetOption,
    WorkspaceOption,
    results_of,
)
from fer_bench.cli.printing import print_json, print_table
from fer_bench.cli.saying import fraction, percent, points
from fer_bench.cli.worse_pictures import print_worse_pictures
from fer_bench.errors import FerBenchError
from fer_bench.p_values import p_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fer_bench.accuracy.comparison import Comparison
    from fer_bench.accuracy.entries import Chosen
    from fer_bench.robustness.summary import Robustness


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="Two or more models, such as clcm. Write clcm/fer2013 to name the dataset that it was trained on,"
            " and clcm@paper to name its recipe (name or id).",
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", "-d", help="Dataset that the models were trained on, for those given without /DATASET."
        ),
    ] = None,
    on: TargetOption = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", "-r", help="Recipe (name, id or TOML file) of the models that are given without @RECIPE."
        ),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            "-s",
            min=0,
            help="Only this seed; may be given several times. Default: all seeds that the models have in common.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", help="Also show accuracy by an attribute of the person: gender, race or age (RAF-DB only)."
        ),
    ] = None,
    corrupted: Annotated[
        bool,
        typer.Option("--corrupted", help="Compare on worse pictures instead, after fer-bench robustness for each."),
    ] = False,
    local: LocalByDefault = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Compare models on the same test images: scores with 95 % intervals, differences, significance tests.

    Images of one subject (CK+) are drawn together where the test set is prepared in the workspace.

    Example: fer-bench compare clcm shufflenetv2 --dataset raf-db --on ck-plus

    Example: fer-bench compare clcm@paper clcm@paper+freeze0 --dataset raf-db

    Example: fer-bench compare clcm mobilenetv2 --dataset fer2013 --corrupted
    """
    from fer_bench.accuracy.comparing import compare as run
    from fer_bench.accuracy.document import to_json
    from fer_bench.accuracy.entries import choose
    from fer_bench.robustness.comparing import tested_of
    from fer_bench.workspace import Workspace

    place, own = Workspace(workspace), local is not False
    records, where = results_of(workspace, own).records, place.option if own else ()
    if corrupted and by:
        raise FerBenchError(f"--corrupted --by {by}: on worse pictures accuracy is not counted by attribute; give one")
    chosen = choose(records, models, dataset=dataset, target=on, recipe=recipe, seeds=seed or (), where=where)
    if corrupted:
        _compare_corrupted(chosen, tested_of(records, chosen, where), json)
        return
    found = run(records, chosen, place.prepared(chosen.target), by)
    if json:
        print_json(to_json(found))
    else:
        _print(found)


def _compare_corrupted(chosen: "Chosen", tested: "Sequence[Robustness]", json: bool) -> None:
    from fer_bench.accuracy.verdict import unused
    from fer_bench.robustness.document import to_json
    from fer_bench.tables.notes import seed_words

    if json:
        print_json(to_json(chosen.names, tested))
        return
    first = tested[0].first
    origin = " (synthetic faces)" if first.origin == "synthetic" else ""
    about = f"Accuracy{origin} on worse pictures of {first.target} ({first.n:,} images), {seed_words(chosen.seeds)}, %"
    print_worse_pictures(about, chosen.names, tested)
    if chosen.unused_seeds:
        typer.echo(unused(chosen.unused_seeds))


def _print(found: "Comparison") -> None:
    from fer_bench.accuracy.verdict import foreseen_lines, gap_lines, heading, notes, spread_lines, verdict

    names = _names(found)
    typer.echo(heading(found))
    print_table(
        "Scores (95 % intervals)",
        ("", *names),
        [
            ("accuracy, %", *(percent(model.accuracy) for model in found.models)),
            ("balanced accuracy, %", *(percent(model.balanced_accuracy) for model in found.models)),
            ("macro F1", *(fraction(model.macro_f1) for model in found.models)),
            ("Cohen's kappa", *(fraction(model.kappa) for model in found.models)),
            ("ECE, %", *(percent(model.calibration_error) for model in found.models)),
        ],
        numbers=len(names),
    )
    _print_pairs(found)
    _print_classes(found)
    _print_groups(found)
    for line in (*spread_lines(found), *foreseen_lines(found), *gap_lines(found), *notes(found)):
        typer.echo(line)
    typer.echo(f"\n{verdict(found)}")


def _names(found: "Comparison") -> list[str]:
    return [model.name for model in found.models]


def _print_pairs(found: "Comparison") -> None:
    from fer_bench.accuracy.comparison import ALPHA

    print_table(
        f"Differences in points, {found.pairs[0].test} (* Holm p < 0.05)",
        ("pair", "accuracy", "balanced accuracy", "p", "Holm p"),
        [
            (
                f"{pair.a} - {pair.b}",
                points(pair.difference) + ("*" if pair.significant else " "),
                points(pair.balanced_accuracy),
                p_cell(pair.p),
                p_cell(pair.p_holm),
            )
            for pair in found.pairs
        ],
        numbers=4,
    )
    by_seed = [(pair, pair.by_seed) for pair in found.pairs if pair.by_seed is not None]
    if by_seed:
        print_table(
            f"The same seed by seed (* Holm p < {ALPHA:g})",
            ("pair", "accuracy", "p", "Holm p"),
            [
                (
                    f"{pair.a} - {pair.b}",
                    points(seen.difference) + ("*" if seen.p_holm < ALPHA else " "),
                    p_cell(seen.p),
                    p_cell(seen.p_holm),
                )
                for pair, seen in by_seed
            ],
            numbers=3,
        )
    print_table(
        f"Run against run ({found.run_pairs[0].found.test}; adjusted over this table)",
        ("seed", "pair", "accuracy", "only first right", "only second", "p", "Holm p"),
        [
            (
                str(pair.seed),
                f"{pair.a} - {pair.b}",
                f"{100 * pair.found.difference:+z.1f}",
                f"{pair.found.only_a:,}",
                f"{pair.found.only_b:,}",
                p_cell(pair.found.p),
                p_cell(pair.p_holm),
            )
            for pair in found.run_pairs
        ],
        numbers=5,
    )


def _print_classes(found: "Comparison") -> None:
    names = _names(found)
    print_table(
        "Recall by class, %",
        ("class", "images", *names),
        [
            (row.name, f"{row.images:,}", *(percent(model.classes[i].recall) for model in found.models))
            for i, row in enumerate(found.models[0].classes)
        ],
        numbers=len(names) + 1,
    )
    classes = [row.name for row in found.models[0].classes]
    print_table(
        "Precision by class, %",
        ("class", *names),
        [(name, *(percent(model.classes[i].precision) for model in found.models)) for i, name in enumerate(classes)],
        numbers=len(names),
    )
    print_table(
        "F1 by class",
        ("class", *names),
        [(name, *(fraction(model.classes[i].f1) for model in found.models)) for i, name in enumerate(classes)],
        numbers=len(names),
    )


def _print_groups(found: "Comparison") -> None:
    first = found.models[0].groups
    if first is None:  # No attribute was asked for.
        return
    print_table(
        f"Accuracy by {first.attribute}, %",
        (first.attribute, "images", *_names(found)),
        [
            (
                row.value,
                f"{row.images:,}",
                *(percent(model.groups.groups[i].accuracy) for model in found.models if model.groups is not None),
            )
            for i, row in enumerate(first.groups)
        ],
        numbers=len(found.models) + 1,
    )
