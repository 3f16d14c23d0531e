"""The tail of a report: recipes, environments, and the commands that run it again."""

import dataclasses
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fer_bench import paper
from fer_bench.datasets import dataset_card
from fer_bench.errors import FerBenchError
from fer_bench.presets import load_recipe
from fer_bench.recipe import flat, name_in, shown
from fer_bench.records import (
    Environment,
    Preparation,
    RobustnessRecord,
    StatisticsRecord,
    TrainRecord,
    same_place,
)
from fer_bench.render.text import plain
from fer_bench.report.document import Bullets, Code, Element, Heading, Paragraph
from fer_bench.selection import Evidence, Latency
from fer_bench.tables.values import Cell, Column, Grid, Missing, Row, Text


def how_it_was_run(evidence: Evidence) -> list[Element]:
    """Return the content of every recipe and the environments, as far as the records tell."""
    elements: list[Element] = [Heading(2, "How it was run")]
    recipes = {block.recipe: block.trains[0].recipe_content for block in evidence.blocks.values() if block.trains}
    if recipes:
        fields = {name: _fields(content) for name, content in recipes.items()}
        elements.append(_grid("Recipes", "Field", fields))
    environments = _environments(evidence)
    if environments:
        columns = {
            f"{number}: {', '.join(stages)}": _facts(environment) | _code(codes)
            for number, (environment, stages, codes) in enumerate(environments, start=1)
        }
        elements.append(_grid("Environments", "", columns))
    if len(elements) == 1:
        elements.append(Paragraph("No records."))
    return elements


def _fields(content: Mapping[str, Any]) -> dict[str, str]:
    return {field: shown(value) for field, value in flat(content).items()}


def _environments(evidence: Evidence) -> list[tuple[Environment, list[str], list[str]]]:
    """Return each different environment, with the stages that ran in it and the states of fer-bench's code.

    Dates are left out, and the code tells no two apart: it changes more often than what makes a result another.
    """
    pairs = [
        (stage, record.environment)
        for block in evidence.blocks.values()
        for stage, found in (("training", block.trains), ("tests", block.evals))
        for record in found
    ]
    pairs += [
        ("training", earlier)
        for block in evidence.blocks.values()
        for record in block.trains
        for earlier in record.earlier_environments
    ]
    pairs += [
        ("tests on worse pictures", place)
        for test in evidence.robustness
        for place in (*test.earlier_environments, test.environment)
    ]
    pairs += [("profile", profile.environment) for profile in evidence.profiles.values()]
    # Packages are a dict: equal environments are found by comparison, not by hash.
    found: list[tuple[Environment, list[str], list[str]]] = []
    for stage, environment in pairs:
        place = dataclasses.replace(environment, code="", commit="")
        known = next((item for item in found if same_place(item[0], place)), None)
        if known is None:
            found.append(known := (place, [], []))
        state = environment.commit or environment.code
        for told, names in ((stage, known[1]), (state, known[2])):
            if told and told not in names:
                names.append(told)
    return found


def _code(states: Sequence[str]) -> dict[str, str]:
    """Return the row of the states of the code; none of records that do not tell."""
    if not states:
        return {}
    return {"fer-bench's code": ", ".join(f"{state[:10]}{'+' * state.endswith('+')}" for state in states)}


def _facts(environment: Environment) -> dict[str, str]:
    facts = {
        "processor": environment.processor,
        "cores": str(environment.cores),
        "memory": f"{environment.memory_gib:.1f} GiB",
        "accelerators": ", ".join(environment.devices) or "none",
        "system": environment.system,
        "host": environment.host,
        "Python": environment.python,
    }
    return facts | dict(sorted(environment.packages.items()))


def _grid(title: str, first: str, columns: Mapping[str, Mapping[str, str]]) -> Grid:
    """Return facts as rows, one column for each of ``columns``; a fact that one lacks is missing there."""
    fields = dict.fromkeys(field for facts in columns.values() for field in facts)
    rows: list[Row] = []
    for field in fields:
        cells: list[Cell] = [Text(facts[field]) if field in facts else Missing() for facts in columns.values()]
        rows.append((Text(field), *cells))
    return Grid(title, (Column(first, text=True), *(Column(name, text=True) for name in columns)), tuple(rows))


def how_to_run_again(evidence: Evidence) -> list[Element]:
    """Return the commands that make the same records, and those that render them."""
    elements: list[Element] = [Heading(2, "How to run it again")]
    if evidence.synthetic:
        used = {_recipe_argument(block.recipe) for block in evidence.blocks.values() if block.recipe}
        recipes = sorted(used or {"demo"})
        lines = [f"fer-bench run-all --synthetic --recipe {recipe}" for recipe in recipes]
        return [*elements, Code(tuple(lines))]
    lines = [line for dataset in _datasets(evidence) for line in _prepare_lines(evidence, dataset)]
    for block in evidence.blocks.values():
        for record in block.trains:
            lines += _run_lines(record)
            lines += [
                f"{_on(test.backend)}fer-bench robustness {_options(record)}{_elsewhere(test)}"
                for test in evidence.robustness
                if test.cell_id == record.cell_id
            ]
    crossed = {
        (block.backend, record.target)
        for block in evidence.blocks.values()
        for record in block.evals
        if record.external is None and record.target != block.dataset
    }
    lines += [f"{_on(backend)}fer-bench cross-test --on {shlex.quote(target)}" for backend, target in sorted(crossed)]
    if evidence.latency:
        lines.append(_profile_line(evidence.latency))
        lines += [_anova_line(record) for record in evidence.latency.statistics.values()]
    lines += ["fer-bench publish", "fer-bench tables", "fer-bench figures", "fer-bench report"]
    external = any(block.external() for block in evidence.blocks.values()) or evidence.elsewhere
    added = ["An external model is added from its author's file by fer-bench add-onnx, then evaluated by its name."]
    notes = [
        *(added if external else []),
        "A recipe that is not a preset is a TOML file with the fields above; its id tells whether it is the same.",
        "The same seed gives the same weights only on the same backend, packages and machine.",
    ]
    return [*elements, Code(tuple(lines)), Bullets(tuple(notes))]


def _datasets(evidence: Evidence) -> Iterator[str]:
    used = {*evidence.blocks, *(record.target for block in evidence.blocks.values() for record in block.evals)}
    return (dataset for dataset in paper.DATASET_TITLES if dataset in used)


def _prepare_lines(evidence: Evidence, dataset: str) -> list[str]:
    """Return the command that prepares a dataset, with what was chosen of it, as far as records tell; one for each
    way in which it was prepared."""
    copies = [
        one
        for block in evidence.blocks.values()
        for found in (*(run.prepared for run in block.trains), [record.target_prepared for record in block.evals])
        for one in found
        if one is not None and one.dataset == dataset
    ]
    chosen = dict.fromkeys(map(_chosen, copies)) or [""]
    return [f"fer-bench prepare {dataset} --source PATH{options}" for options in chosen]


def _chosen(found: Preparation) -> str:
    """Return the options that a copy needs to be prepared so; those of the card's default are left out."""
    card = dataset_card(found.dataset)
    own_crop = next((layout.crops[0] for layout in card.layouts if layout.name == found.layout), found.crop)
    options = {
        f" --protocol {found.protocol}": found.protocol != card.protocols[0].name,
        f" --crop {found.crop}": found.crop != own_crop,
        f" --layout {found.layout}": not found.official_split,
        " --allow-incomplete": found.complete is False,
    }
    return "".join(option for option, given in options.items() if given)


def _recipe_argument(recipe: str) -> str:
    """Return what ``--recipe`` takes: the preset's name, changed or not, or the file that the name came from."""
    name = name_in(recipe)
    try:
        load_recipe(name if not name.endswith(".toml") else "")  # No file that may lie here.
    except FerBenchError:
        name = f"{name}.toml"
    return shlex.quote(plain(name))


def _on(backend: str) -> str:
    """Return what goes before a command for it to run on a backend: part of what a result is."""
    return "" if backend == "tensorflow" else f"KERAS_BACKEND={shlex.quote(plain(backend))} "


def _elsewhere(test: RobustnessRecord) -> str:
    return "" if test.target == test.dataset else f" --on {shlex.quote(test.target)}"


def _options(record: TrainRecord) -> str:
    """Return the options that name a run."""
    weights = "random"
    if record.start.kind == "imagenet":
        source = record.start.source
        weights = "imagenet" if source in ("", "keras") else shlex.quote(plain(source))
    return (
        f"--model {record.model} --dataset {record.dataset} --recipe {_recipe_argument(record.recipe)} "
        f"--seed {record.seed} --weights {weights}"
    )


def _run_lines(record: TrainRecord) -> list[str]:
    on, options = _on(record.backend), _options(record)
    return [f"{on}fer-bench train {options}", f"{on}fer-bench evaluate {options}"]


def _profile_line(latency: Latency) -> str:
    """Return the command that measures what the profiles hold: every model in every runtime, process and mode."""
    profiles = latency.profiles.values()
    timed = {name: samples for profile in profiles for name, samples in profile.latency.items() if samples}
    calls = [Counter(sample.process for sample in samples) for samples in timed.values()]
    threads = {profile.threads["each"] for profile in profiles if "each" in profile.threads}
    parts = [f"{_on(latency.backend)}fer-bench profile"]
    parts += [f"--model {shlex.quote(plain(name))}" for name in latency.profiles]
    parts += [f"--runtime {shlex.quote(plain(name))}" for name in timed]
    parts += [f"--threads {count}" for count in threads] if len(threads) == 1 else []
    if calls:
        parts.append(f"--processes {max(map(len, calls))} --runs {max(max(found.values()) for found in calls)}")
    parts += ["--throughput"] if any(profile.throughput for profile in profiles) else []
    parts += ["--end-to-end"] if any(profile.end_to_end for profile in profiles) else []
    parts += ["--memory"] if any(profile.memory for profile in profiles) else []
    return " ".join(parts)


def _anova_line(record: StatisticsRecord) -> str:
    return f"fer-bench anova --runtime {shlex.quote(plain(record.runtime))} --alpha {record.alpha:g}"
