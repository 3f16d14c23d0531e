"""What ``profile`` prints: tables of complexity, literature, times, batches, memory, layers, and of the A/A check."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from fer_bench.cli.printing import print_table
from fer_bench.errors import number_of

if TYPE_CHECKING:
    from fer_bench.profiling.complexity import Complexity
    from fer_bench.profiling.plan import Plan
    from fer_bench.profiling.self_test import SelfTest
    from fer_bench.records import ProfileRecord


def print_profiles(profiles: Sequence["ProfileRecord"], plan: "Plan") -> None:
    """Print everything that was measured, the complexity literature beside it, and the warnings."""
    from fer_bench.profiling.noise import judged, machine_warnings, series_warnings

    _print_complexity(profiles)
    _print_literature()
    _print_times(profiles, plan)
    if any(record.throughput for record in profiles):
        _print_throughput(profiles)
    if plan.memory:
        _print_memory(profiles)
    warnings = [f"machine: {line}" for line in machine_warnings(profiles[0])]
    warnings += [f"{record.model}, {line}" for record in profiles for line in series_warnings(record)]
    for line in warnings:
        typer.echo(f"! {line}")
    found, unknown = judged(profiles[0])
    if found and not warnings:
        typer.echo(f"No sign of a noisy machine: no {', '.join(found)}.")
    if unknown:
        typer.echo(f"Noise that could not be judged: {', '.join(unknown)}.")


def _print_complexity(profiles: Sequence["ProfileRecord"]) -> None:
    from fer_bench import paper
    from fer_bench.profiling.complexity import PAPER_RULE, PEAK_RULE, RULE
    from fer_bench.tables.externals import external_notes

    # Of external models the notes below say the input, which may be of two lengths.
    sizes = [f" at {record.image_size} x {record.image_size}" for record in profiles if record.external is None]
    print_table(
        f"Complexity{sizes[0] if sizes else ''}, {profiles[0].classes} classes",
        ("model", "trainable", "total", "weights MB", "peak act. MB", "GFLOPs", "by the paper's rule", "published"),
        [
            (
                record.model,
                f"{record.trainable_parameters:,}",
                f"{record.trainable_parameters + record.non_trainable_parameters:,}",
                _number(record.weight_bytes, 1e6, 2),
                _number(record.peak_activation_bytes, 1e6, 2),
                _number(record.flops, 1e9, 4),
                _number(record.flops_paper_rule, 1e9, 4),
                f"{paper.TABLE6[record.model].gflops:.4f}" if record.model in paper.TABLE6 else "–",
            )
            for record in profiles
        ],
        numbers=7,
    )
    for note in external_notes(profiles):
        typer.echo(note)
    typer.echo(f"GFLOPs: {RULE}.\nBy the paper's rule: {PAPER_RULE}.\nPeak of the activations: {PEAK_RULE}.")


def _print_literature() -> None:
    from fer_bench import paper

    print_table(
        "Quoted in the paper's discussion; counting rules, inputs and machines unknown",
        ("method", "paper's reference", "parameters M", "GFLOPs", "seconds an inference"),
        [
            (
                entry.method,
                entry.citation,
                *(
                    "–" if value is None else f"{value:g}"
                    for value in (entry.parameters_millions, entry.gflops, entry.inference_s)
                ),
            )
            for entry in paper.COMPLEXITY_LITERATURE
        ],
        numbers=3,
    )


def _print_times(profiles: Sequence["ProfileRecord"], plan: "Plan") -> None:
    import numpy as np

    from fer_bench.profiling.noise import by_process
    from fer_bench.profiling.summary import summarise

    several = len(by_process(next(iter(profiles[0].latency.values())))) > 1
    whole = any(record.end_to_end for record in profiles)
    columns = ["model", "runtime", "n", "mean ± sd", "median", "95 % interval", "p95", "p99", "warm-up"]
    columns += ["process means ± sd"] * several + ["frames/s"] * whole
    rows = []
    for record in profiles:
        for name, samples in record.latency.items():
            found = summarise([1e3 * sample.seconds for sample in samples])
            row = [
                record.model,
                name,
                str(found.n),
                f"{found.mean:.2f} ± {found.sd:.2f}",
                f"{found.median:.2f}",
                f"{found.median_ci[0]:.2f} to {found.median_ci[1]:.2f}",
                f"{found.p95:.2f}",
                f"{found.p99:.2f}",
                _range(record.warmups.get(name, (record.warmup,))),
            ]
            if several:
                means = [1e3 * float(np.mean(taken)) for taken in by_process(samples).values()]
                row.append(f"{np.mean(means):.2f} ± {np.std(means, ddof=1):.2f}")
            if whole:
                frames = [sample.seconds for sample in record.end_to_end.get(name, ())]
                row.append(f"{1 / summarise(frames).median:.1f}" if frames else "–")
            rows.append(tuple(row))
    environment = profiles[0].environment
    accelerators = f"Keras on {', '.join(environment.devices)}, the other runtimes on " if environment.devices else ""
    threads = ", ".join(f"{name} {count}" for name, count in sorted(profiles[0].threads.items()))
    print_table(
        f"Milliseconds a single image, models in turns, on {accelerators}{environment.processor} "
        f"({number_of(environment.cores, 'core')}; threads: {threads})",
        columns,
        rows,
        numbers=len(columns) - 2,
    )
    typer.echo(f"Warm-up: untimed calls {plan.steady}. 95 % interval: bootstrap of the median over these calls.")
    if several:
        typer.echo(f"Process means: mean and standard deviation over the means of {plan.processes} processes.")
    if whole:
        typer.echo("Frames/s: from a JPEG file's bytes: decode, gray, resize, scale, predict; 1 / median.")


def _range(counts: Sequence[int]) -> str:
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _print_throughput(profiles: Sequence["ProfileRecord"]) -> None:
    import numpy as np

    from fer_bench.profiling.throughput import RUNS, SIZES

    print_table(
        f"Images a second by batch size, median of {RUNS} batches",
        ("model", "runtime", *map(str, SIZES)),
        [
            (record.model, name, *(f"{size / np.median(seconds[str(size)]):.1f}" for size in SIZES))
            for record in profiles
            for name, seconds in record.throughput.items()
        ],
        numbers=len(SIZES),
    )


def _print_memory(profiles: Sequence["ProfileRecord"]) -> None:
    from fer_bench.profiling.memory import MEMORY_RULE

    rows = []
    for record in profiles:
        for name in record.latency:
            before, peak = record.memory.get(name, (None, None))
            own = None if before is None or peak is None else peak - before
            rows.append((record.model, name, _number(peak, 1e6, 0), _number(own, 1e6, 0)))
    print_table(
        "Memory MB of a fresh process that opens the model and answers one image",
        ("model", "runtime", "process", "of it the model and runtime"),
        rows,
        numbers=2,
    )
    typer.echo(f"Memory: {MEMORY_RULE}.")


def _number(value: int | None, unit: float, decimals: int) -> str:
    return "–" if value is None else f"{value / unit:.{decimals}f}"


def print_layers(counted: Sequence[tuple[str, "Complexity"]], image_size: int) -> None:
    """Print one table a model, a row a layer."""
    from fer_bench.profiling.complexity import PAPER_RULE, PEAK_RULE, RULE

    for name, found in counted:
        total = found.trainable_parameters + found.non_trainable_parameters
        rows = [
            (
                layer.name,
                layer.kind,
                " x ".join(map(str, layer.output_shape)),
                f"{layer.parameters:,}",
                f"{layer.flops:,}",
                f"{layer.flops_paper_rule:,}",
                f"{layer.activation_bytes:,}",
                f"{layer.alive_bytes:,}",
            )
            for layer in found.layers
        ]
        sums = (f"{total:,}", f"{found.flops:,}", f"{found.flops_paper_rule:,}", "", f"{found.peak_activation_bytes:,}")
        print_table(
            f"{name} at {image_size} x {image_size}, batch 1",
            ("layer", "kind", "output", "parameters", "FLOPs", "paper's rule", "activation bytes", "alive bytes"),
            [*rows, ("total; peak", "", "", *sums)],
            numbers=6,
        )
    typer.echo(f"FLOPs: {RULE}.\nPaper's rule: {PAPER_RULE}.\nPeak of the bytes alive: {PEAK_RULE}.")


def print_self_test(found: "SelfTest") -> None:
    """Print the outcome of an A/A check, and what it means."""
    from fer_bench.profiling.self_test import BLOCKS, IN_TURN, ONE_COPY

    print_table(
        f"A/A check: {found.model} under two names in {found.runtime}, {number_of(found.experiments, 'experiment')} of "
        f"{found.runs} calls each, tests at {found.alpha:.0%}",
        ("model", "calls", "test", "called different", "rate", "95 % interval"),
        [
            (
                rate.copies,
                rate.design,
                rate.test,
                f"{rate.positives} of {rate.experiments}",
                f"{rate.rate:.1%}",
                f"{rate.interval[0]:.1%} to {rate.interval[1]:.1%}",
            )
            for rate in found.rates
        ],
        numbers=3,
    )
    own = {(rate.design, rate.test): rate for rate in found.rates if rate.copies == ONE_COPY}
    before = next(rate for (design, _), rate in own.items() if design == IN_TURN)
    after = max((rate for (design, _), rate in own.items() if design == BLOCKS), key=lambda rate: rate.rate)
    typer.echo(
        f"The same model was called different from itself in {before.rate:.0%} of the experiments when timed one after "
        f"the other, in {after.rate:.0%} in randomised blocks; {found.alpha:.0%} are expected by chance."
    )
    if not found.passed:
        typer.echo("The check failed: differences between models measured on this machine now are not to be believed.")
    apart = [rate for rate in found.rates if rate.copies != ONE_COPY and rate.design == BLOCKS]
    if any(rate.interval[0] > found.alpha for rate in apart) and found.passed:
        typer.echo(
            "Two copies of the model in one process differ in time: not noise, but where they lie in memory. Compare "
            "models over fresh processes: fer-bench profile --processes 5."
        )
