"""The one way from a workspace to the published state, ``reports/records`` and ``reports/selection.toml``."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fer_bench import paper, records
from fer_bench.errors import FerBenchError
from fer_bench.files import replacing, write_text
from fer_bench.predictions import path_of, read_predictions
from fer_bench.records import (
    EvalRecord,
    ProfileRecord,
    Record,
    RobustnessRecord,
    StatisticsRecord,
    TrainRecord,
    load_all,
)
from fer_bench.selection import Choice, Latency, Selection, choose, load_selection, naming, select, toml_lines
from fer_bench.workspace import Results

LIMIT = 20_000_000
"""Most bytes that the published records and predictions may have together."""


def publish(source: Results, destination: Results) -> list[Path]:
    """Copy every record of ``source``, with its predictions, to ``destination``; return the files written.

    Everything is checked before the first file is written: the published state with the new records must give
    tables. A record replaces the published one with the same file name and nothing else. Where the new and the
    published records could both form a block of a table, and ``selection.toml`` does not say which, the block is
    given to what ``source`` shows: a block that ``selection.toml`` already names is never changed. Where it names
    another session of inference times, the statistics stay those of that session: there is one record a runtime.

    The workspace need not be locked: what is published are the very files that were checked, of which a command at
    work there replaces each as a whole.

    Raises:
        FerBenchError: no records; a record that does not load or contradicts itself; a synthetic one; predictions
            that are missing or changed; more than 20 MB in all; or anything that makes the tables impossible, as
            :func:`fer_bench.selection.select` says, with the lines to write.
    """
    if source.records.resolve() == destination.records.resolve():
        raise FerBenchError(f"{source.records}: already the published records; publish from a workspace")
    files = _checked(source)
    evidence = select(source)
    with tempfile.TemporaryDirectory() as temporary:
        # The published state as it would be, to find what is wrong with it before anything is touched.
        staged = Results(Path(temporary) / "records", destination.tables, destination.reports)
        if destination.records.is_dir():
            shutil.copytree(destination.records, staged.records)
        statistics = [path for path in files if path.parent.name == StatisticsRecord.kind]
        files = [path for path in files if path not in statistics]
        _stage(files, source, staged)
        published = load_selection(destination.selection)
        added = _added(naming(staged, evidence), load_selection(source.selection), published)
        selected = replace(published, choices={**published.choices, **added})
        if evidence.latency is None or _is_shown(evidence.latency, selected, staged):
            _stage(statistics, source, staged)
            files += statistics
        _require_unchanged(files, source, staged)
        size = sum(path.stat().st_size for path in staged.records.rglob("*") if path.is_file())
        if size > LIMIT:
            raise FerBenchError(
                f"{destination.records} would hold {size / 1e6:.1f} MB, at most {LIMIT / 1e6:.0f} MB may be published; "
                "remove records that no table shows"
            )
        try:
            choose(staged, selected)
        except FerBenchError as error:
            message = str(error).replace(str(staged.records), str(destination.records))
            raise FerBenchError(f"nothing was published; with the new records: {message}") from error
        written = []
        for path in files:
            target = destination.records / path.relative_to(source.records)
            with replacing(target) as temporary_file:
                shutil.copyfile(staged.records / path.relative_to(source.records), temporary_file)
            written.append(target)
    if added:
        write_text(destination.selection, _with_choices(destination.selection, added))
        written.append(destination.selection)
    return written


def _stage(files: Sequence[Path], source: Results, staged: Results) -> None:
    for path in files:
        target = staged.records / path.relative_to(source.records)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _require_unchanged(files: Sequence[Path], source: Results, staged: Results) -> None:
    """Refuse a test of which the record was copied before, and the predictions after it was made anew, or reversely."""
    for path in files:
        if path.parent.name != EvalRecord.kind or path.suffix != ".json":
            continue
        try:
            record = records.load(staged.records / path.relative_to(source.records), EvalRecord)
            _predictions(staged.records, record)
        except FerBenchError as error:
            raise FerBenchError(
                f"{path}: was written anew while it was read; nothing was published; try again"
            ) from error


def _is_shown(latency: Latency, selected: Selection, results: Results) -> bool:
    """Return whether a measuring session is the one that a selection of some results leaves for the tables."""
    if not latency.has_own and any(record.external is None for record in load_all(results.records, ProfileRecord)):
        return False
    choice = selected.choices.get("latency", Choice())
    return choice.session in (None, latency.session) and choice.backend in (None, latency.backend)


def unshown(source: Results, destination: Results) -> list[str]:
    """Return a line for each training dataset of which the published tables show other runs than the workspace's, or
    not all of its seeds, and one where they show the inference times of another session.

    So it is where ``selection.toml`` names another group, or seeds: what it says is never changed.
    """
    evidence = select(source)
    shown, names = select(destination).blocks, naming(destination, evidence)
    selection = load_selection(destination.selection)
    lines = []
    for dataset, block in evidence.blocks.items():
        chosen = selection.choices.get(dataset, Choice()).seeds
        ours, there = ((b.recipe, b.backend, b.fingerprint) if b else () for b in (block, shown.get(dataset)))
        if block.is_tested and ours != there:
            table = " / ".join(toml_lines(dataset, names.get(dataset, Choice(recipe=block.recipe))))
            lines.append(
                f"{destination.selection}: names other runs trained on {dataset}, so those by {block.recipe} are in "
                f"no table (the report has them under Other runs); to show them, write there: {table}"
            )
        elif chosen and (absent := sorted({run.seed for run in block.evals if not run.external} - {*chosen})):
            lines.append(
                f"{destination.selection}: names seeds of {dataset}, and {', '.join(map(str, absent))} not among them, "
                "so these are in no table (the report has them under Other runs); to show them, add them there"
            )
    latency = evidence.latency
    if latency and not _is_shown(latency, selection, destination):
        table = " / ".join(toml_lines("latency", names.get("latency", Choice(session=latency.session))))
        way_out = f"to show them, write into {destination.selection}: {table}; then publish again"
        if not latency.has_own:
            way_out = "to show them, profile these external models together with fer-bench's own"
        lines.append(
            f"{destination.records}: the tables show another session of inference times, so those of "
            f"{latency.session} are in no table, and no statistics of them were published; {way_out}"
        )
    return lines


def _checked(source: Results) -> list[Path]:
    """Return the files to copy, predictions before the records that name them.

    A publish that is killed half-way then leaves no record without its predictions.
    """
    tests = load_all(source.records, EvalRecord)
    found: list[Record] = [*load_all(source.records, TrainRecord), *tests]
    found += (test for test in load_all(source.records, RobustnessRecord) if test.complete)
    found += [*load_all(source.records, ProfileRecord), *load_all(source.records, StatisticsRecord)]
    if not found:
        raise FerBenchError(f"{source.records}: no records to publish; train and evaluate first")
    for record in found:
        if record.origin != "real":
            raise FerBenchError(
                f"{records.path_of(source.records, record)}: of synthetic faces; only real results are published. "
                "Publish from a workspace without synthetic records"
            )
    predictions = [_predictions(source.records, record) for record in tests]
    return [*predictions, *(records.path_of(source.records, record) for record in found)]


def _predictions(folder: Path, record: EvalRecord) -> Path:
    """Return the predictions of a test, checked: unchanged, nothing else in them, and of the same matrix."""
    if Path(record.predictions).name != record.predictions or not record.predictions.endswith(".npz"):
        path = records.path_of(folder, record)
        raise FerBenchError(f"{path}: predictions = {record.predictions!r}, expected the name of an .npz beside it")
    read_predictions(folder, record)
    return path_of(folder, record)


def _added(named: Mapping[str, Choice], ours: Selection, published: Selection) -> dict[str, Choice]:
    """Return what to add to the published selection so that it shows what ``ours`` and ``named`` say.

    Args:
        named: what tells the source's groups from published ones (:func:`fer_bench.selection.naming`).
        ours: the source's own selection, which may also leave out seeds or test sets.
        published: what is selected already, and stays.
    """
    added = {}
    for name in (*paper.TRAINED_ON, "latency"):
        own = ours.choices.get(name, Choice())
        stated = {field: value for field, value in vars(own).items() if value}
        choice = replace(named.get(name, Choice()), **stated)
        if name not in published.choices and choice != Choice():
            added[name] = choice
    return added


def _with_choices(path: Path, added: Mapping[str, Choice]) -> str:
    """Return the text of ``selection.toml`` with tables added; what people wrote in it stays as it is."""
    head = "# Which records form a block of the tables, where several could (written by fer-bench publish).\n"
    text = path.read_text(encoding="utf-8") if path.exists() else head
    return text.rstrip("\n") + "\n" + "".join("\n" + "\n".join(toml_lines(n, c)) + "\n" for n, c in added.items())
