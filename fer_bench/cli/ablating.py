"""The commands that change one part of a model or its training: ablate freezing, ablate head."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fer_bench.cli.executors import (
    AddressOption,
    CpusOption,
    ExecutorOption,
    GpusOption,
    JobsOption,
    cluster_of,
    executor_of,
)
from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    BalanceOption,
    JoinedOption,
    JsonOption,
    ModelOption,
    RecipeOption,
    SeedOption,
    SeedsOption,
    WaitOption,
    WeightsOption,
    WorkspaceOption,
    recipe_with,
    seeds_of,
)
from fer_bench.cli.printing import print_json
from fer_bench.cli.studies import EpochsOption, digest_of, facts_of, listed, recipe_of, texts
from fer_bench.lookup import open_training

if TYPE_CHECKING:
    from fer_bench.ablation import Variant
    from fer_bench.recipe import Recipe
    from fer_bench.workers import Executor
    from fer_bench.workspace import Workspace

ablate = typer.Typer(no_args_is_help=True)


@ablate.callback()
def _ablate() -> None:
    """Change one part of a model or its training, and measure what that part contributes.

    Example: fer-bench ablate head --model clcm --dataset fer2013 --weights imagenet
    """


@ablate.command()
def freezing(
    context: typer.Context,
    model: ModelOption,
    dataset: JoinedOption,
    layers: Annotated[
        str | None,
        typer.Option(
            "--freeze-layers",
            help="Numbers of frozen layers to compare, separated by commas. Default: 0, the model's own number, "
            "and the ends of whole stages.",
        ),
    ] = None,
    recipe: RecipeOption = "paper",
    epochs: EpochsOption = None,
    balance: BalanceOption = None,
    seed: SeedOption = 0,
    seeds: SeedsOption = None,
    weights: WeightsOption = None,
    jobs: JobsOption = None,
    executor: ExecutorOption = "local",
    address: AddressOption = None,
    cpus_per_cell: CpusOption = None,
    gpus_per_cell: GpusOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Train and test a model with different numbers of frozen layers, counted from the input.

    Writes a table as Markdown, LaTeX and JSON. The depth is chosen on validation images; the test accuracy of every
    depth is reported. Run it again to continue after an interruption. Runs are trained side by side (--jobs); with
    --executor ray they are shared out among the machines of a Ray cluster.

    Example: fer-bench ablate freezing --model clcm --dataset fer2013 --weights imagenet --freeze-layers 0,10,154
    """
    from fer_bench.ablation import freezing as variants
    from fer_bench.studies import shortened
    from fer_bench.workspace import Workspace

    cluster = cluster_of(context, executor, address, cpus_per_cell, gpus_per_cell)
    place = Workspace(workspace)
    numbers = () if layers is None else listed("--freeze-layers", layers, int)
    given = recipe_of(place, [model], recipe_with(recipe, balance, None), weights)
    workers = executor_of(cluster, jobs, given)
    wish = _Wish("freezing", model, dataset, given, epochs, seeds_of(context, [seed], seeds), weights, workers)
    _ablation(wish, variants(model, shortened(given, epochs), numbers), place, json, wait=wait)


@ablate.command()
def head(
    context: typer.Context,
    model: ModelOption,
    dataset: JoinedOption,
    recipe: RecipeOption = "paper",
    epochs: EpochsOption = None,
    balance: BalanceOption = None,
    seed: SeedOption = 0,
    seeds: SeedsOption = None,
    weights: WeightsOption = None,
    jobs: JobsOption = None,
    executor: ExecutorOption = "local",
    address: AddressOption = None,
    cpus_per_cell: CpusOption = None,
    gpus_per_cell: GpusOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Train and test a model with different heads on the same backbone.

    For clcm: the paper's 128-64 with dropout, without dropout, one hidden layer, none; for mobilenetv2: the 7-way layer
    on the 1000-way softmax, on linear outputs, on the pooled features. Writes a table as Markdown, LaTeX and JSON. The
    head is chosen on validation images; the test accuracy of every head is reported. Runs are trained side by side
    (--jobs); with --executor ray they are shared out among the machines of a Ray cluster.

    Example: fer-bench ablate head --model clcm --dataset fer2013 --weights imagenet
    """
    from fer_bench.ablation import heads
    from fer_bench.studies import shortened
    from fer_bench.workspace import Workspace

    cluster = cluster_of(context, executor, address, cpus_per_cell, gpus_per_cell)
    place = Workspace(workspace)
    given = recipe_of(place, [model], recipe_with(recipe, balance, None), weights)
    workers = executor_of(cluster, jobs, given)
    wish = _Wish("head", model, dataset, given, epochs, seeds_of(context, [seed], seeds), weights, workers)
    _ablation(wish, heads(model, shortened(given, epochs)), place, json, wait=wait)


@dataclass(frozen=True)
class _Wish:
    """What the options ask for."""

    kind: Literal["freezing", "head"]
    model: str
    dataset: str
    recipe: "Recipe"
    epochs: int | None
    seeds: Sequence[int]
    weights: str | None
    executor: "Executor | None"


def _ablation(wish: _Wish, variants: "Sequence[Variant]", place: "Workspace", json: bool, *, wait: bool) -> None:
    """Run an ablation, write its files and print its table."""
    from fer_bench import ablation, grid
    from fer_bench.files import write_json, write_text
    from fer_bench.render import to_latex, to_markdown
    from fer_bench.studies import Study

    for variant in variants:
        grid.check_start([variant.model], variant.recipe, wish.weights)
    with place.lock(wait=wait):
        prepared = open_training(place, wish.dataset)
        study = Study(place, prepared, [wish.model], wish.recipe, wish.seeds, wish.weights, wish.epochs)
        results = ablation.ablate(study, variants, wish.executor)
        table = ablation.to_table(results, kind=wish.kind, model=wish.model, dataset=prepared, recipe=study.recipe)
        content = {"ablation": wish.kind, "model": wish.model, **facts_of(study)}
        content["variants"] = ablation.as_json(results)
        own = digest_of([(variant.model, variant.recipe.id) for variant in variants], list(wish.seeds))
        stem = f"{wish.kind}__{wish.model}__{prepared.dataset}__{study.recipe.id}__{own}"
        files = {end: place.studies.root / "ablate" / f"{stem}.{end}" for end in ("md", "tex", "json")}
        write_text(files["md"], f"{to_markdown(table)}\n")
        write_text(files["tex"], f"{to_latex(table)}\n")
        write_json(files["json"], content)
    if json:
        print_json({**content, "files": texts(files)})
        return
    typer.echo(to_markdown(table))
    typer.echo("\n" + "\n".join(texts(files).values()))
