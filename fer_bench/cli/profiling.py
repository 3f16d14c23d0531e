"""The command ``profile``: complexity, inference time, and the check of the measurement itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import DEFAULT_WORKSPACE, JsonOption, WaitOption, WorkspaceOption, is_written
from fer_bench.cli.printing import print_json
from fer_bench.cli.profile_tables import print_layers, print_profiles, print_self_test
from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.profiling.plan import Plan
    from fer_bench.workspace import Workspace

SELF_TEST_RUNS = 20
"""Calls of each name in one experiment of the A/A check, where --runs does not say."""
SELF_TEST_RUNTIME = "keras-call"


def profile(
    context: typer.Context,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="Only this model; may be given several times. Default: the paper's three, those that the workspace "
            "has runs of, and those profiled together with them before; for --self-test clcm.",
        ),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="Profile every model that fer-bench models lists, except those that add-onnx added."
        ),
    ] = False,
    runs: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Number of timed single-image calls of each model and runtime, in each process. Default: 50; 20 "
            "in an experiment of --self-test.",
        ),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(help="Only this runtime; may be given several times. Default: all that are installed."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Number of threads of every runtime. Default: one for each core.")
    ] = None,
    processes: Annotated[
        int,
        typer.Option(min=1, help="Repeat the measurement in this many fresh processes; a test needs at least 5."),
    ] = 1,
    throughput: Annotated[
        bool, typer.Option("--throughput", help="Also time batches of 1 to 64 images; external models are not.")
    ] = False,
    end_to_end: Annotated[
        bool, typer.Option("--end-to-end", help="Also time from a JPEG file's bytes to probabilities.")
    ] = False,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory", help="Also measure the memory of a fresh process that opens a model and answers one image."
        ),
    ] = False,
    layers: Annotated[
        bool, typer.Option("--layers", help="List parameters and FLOPs of every layer instead of timing the models.")
    ] = False,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Check the measurement itself instead: time one model under two names and count the false "
            "differences.",
        ),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace earlier measurements of these models even if the earlier session then lacks them or some"
            " of their times.",
        ),
    ] = False,
    experiments: Annotated[
        int, typer.Option(min=1, help="With --self-test: number of experiments in each design.")
    ] = 100,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Measure parameters, FLOPs, weights, activations and single-image inference time of models, in one session.

    FLOPs are counted by two rules: every operation, and the rule that gives the paper's figures. Models take turns
    in random order, so that drift of the machine does not become a difference between them. A model of add-onnx is
    timed where it is named, beside the others, in onnxruntime and on its own input.

    Example: fer-bench profile --model clcm --model shufflenetv2 --processes 5
    """
    from fer_bench.external.model import is_external, refuse_external
    from fer_bench.models import model_card
    from fer_bench.profiling.plan import Plan
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    if every and (model or self_test):
        raise FerBenchError("--all measures every model: leave out --model and --self-test")
    if layers or self_test:
        refuse_external(place, model or ())
    for name in model or ():
        if layers or self_test or not is_external(place, name):
            model_card(name)
    plan = Plan(
        runs=runs or (SELF_TEST_RUNS if self_test else Plan.runs),
        runtimes=tuple(runtime) if runtime else None,
        threads=threads,
        processes=processes,
        throughput=throughput,
        end_to_end=end_to_end,
        memory=memory,
    )
    plan.check()
    if layers and self_test:
        raise FerBenchError("--layers and --self-test exclude each other; give one of them")
    if (layers or self_test) and (processes > 1 or throughput or end_to_end or memory or replace):
        raise FerBenchError(
            f"{'--layers' if layers else '--self-test'} cannot be combined with --processes, --throughput, "
            "--end-to-end, --memory and --replace"
        )
    if layers and (runs is not None or runtime or threads is not None):
        raise FerBenchError("--layers times nothing: leave out --runs, --runtime and --threads")
    if is_written(context, "experiments") and not self_test:
        raise FerBenchError("--experiments applies only with --self-test; add that or leave --experiments out")
    if layers:
        _count(model or _wanted(place, every=every), plan, json)
    elif self_test:
        _check(model or ["clcm"], plan, experiments, json)
    else:
        names = model or _with_those_before(place, every=every)
        _measure(names, plan, place, wait=wait, replace=replace, json=json)


def _wanted(place: "Workspace", *, every: bool) -> list[str]:
    """Return the models that are meant where none is named: the paper's and those with runs, or every one."""
    from fer_bench import paper, records
    from fer_bench.cli.saying import usable_models

    runs = records.load_all(place.results.records, records.TrainRecord)
    usual = {*paper.MODELS, *(run.model for run in runs)}
    return [name for name in usable_models() if every or name in usual]


def _with_those_before(place: "Workspace", *, every: bool) -> list[str]:
    """Return these and all others, such as external ones, of the sessions that the new one takes the place of.

    Without those that are gone: of them it is told, or with --replace they are given up.
    """
    from fer_bench import backend, records
    from fer_bench.profiling.kept import gone, touched

    wanted = _wanted(place, every=every)
    profiles = records.load_all(place.results.records, records.ProfileRecord)
    before = touched(profiles, wanted, backend.name())
    lost = gone(place, before)
    return list(dict.fromkeys([*wanted, *(item.model for item in before if item not in lost)]))


def _measure(names: Sequence[str], plan: "Plan", place: "Workspace", *, wait: bool, replace: bool, json: bool) -> None:
    from fer_bench import stages
    from fer_bench.profiling.document import profile_json

    with place.lock(wait=wait):
        profiles = stages.profile(place, names, stages.origin_of(place), plan=plan, replace=replace)
    if json:
        print_json([profile_json(record) for record in profiles])
        return
    print_profiles(profiles, plan)


def _count(names: Sequence[str], plan: "Plan", json: bool) -> None:
    from fer_bench import backend
    from fer_bench.profiling import building
    from fer_bench.profiling.document import complexity_json

    backend.configure()
    counted = [(name, building.counted(name, building.built_model(name, plan))) for name in names]
    if json:
        print_json([complexity_json(name, found, plan.image_size) for name, found in counted])
        return
    print_layers(counted, plan.image_size)


def _check(names: Sequence[str], plan: "Plan", experiments: int, json: bool) -> None:
    from fer_bench.files import scratch
    from fer_bench.profiling.document import self_test_json
    from fer_bench.profiling.self_test import self_test
    from fer_bench.profiling.steps import shown_steps

    runtimes = plan.runtimes or (SELF_TEST_RUNTIME,)
    if len(names) > 1 or len(runtimes) > 1:
        raise FerBenchError("--self-test takes one --model and one --runtime")
    with scratch() as folder, shown_steps("self-test") as on_progress:
        found = self_test(
            names[0],
            runtimes[0],
            plan,
            folder=folder,
            experiments=experiments,
            progress=on_progress,
        )
    if json:
        print_json(self_test_json(found))
    else:
        print_self_test(found)
    if not found.passed:
        raise typer.Exit(1)
