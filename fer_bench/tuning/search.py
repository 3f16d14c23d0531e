"""The grid search, and the random search over ranges; both are resumable, trial by trial and epoch by epoch."""

import math
import sqlite3
from pathlib import Path
from typing import Any

from fer_bench.errors import FerBenchError, first_line
from fer_bench.messages import say
from fer_bench.studies import Study, missing_work
from fer_bench.tuning.outcome import Trial
from fer_bench.tuning.space import Setting, Space
from fer_bench.workers import Executor, work_through

_OF_THE_DISK = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PERM),
)
"""Errors of SQLite that say nothing against the file."""


def grid_search(study: Study, space: Space, executor: Executor | None) -> list[Trial]:
    """Train every setting of a grid with every model and seed; what has been done is read from its record.

    In order in this process, or as the executor does it.

    Raises:
        FerBenchError: a setting that no recipe can have, or what training raises.
    """
    chosen = [(model, setting) for model in study.models for setting in space.grid()]
    return _trained(study, chosen, executor)


def random_search(study: Study, space: Space, *, trials: int, seed: int) -> list[Trial]:
    """Train settings drawn at random; the draws are kept by Optuna in the workspace, and continued.

    The learning rate is drawn log-uniformly between the smallest and the largest of the space, to three digits; batch
    size and optimizer from its lists. Every model gets the same draws, which depend on ``seed`` and their number only.

    Args:
        study: what is trained.
        space: the ranges.
        trials: settings of each model, those of earlier calls included: where there are more, all count.
        seed: of the draws.

    Raises:
        FerBenchError: Optuna is not installed, or as in :func:`grid_search`.
    """
    optuna = _optuna()
    path = study.place.studies.root / "optuna.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = _storage(optuna, path)
    chosen = []
    seeds = "-".join(map(str, study.seeds))
    common = f"{study.dataset.dataset}-{study.dataset.fingerprint[:12]}__{study.recipe.id}__s{seeds}__{space.id}-{seed}"
    for model in study.models:
        try:
            kept = optuna.create_study(
                storage=storage, study_name=f"{model}__{common}", direction="maximize", load_if_exists=True
            )
            settings = _draw(optuna, kept, study, space, model=model, trials=trials, seed=seed)
        except optuna.exceptions.StorageInternalError as error:
            raise _unusable(path, error.__cause__ or error) from error
        chosen += [(model, setting) for setting in dict.fromkeys(settings)]
    return _trained(study, chosen)


def _draw(optuna: Any, kept: Any, study: Study, space: Space, *, model: str, trials: int, seed: int) -> list[Setting]:
    """Draw and train until there are at least ``trials`` finished ones; return the settings of all in order."""
    states = optuna.trial.TrialState
    for trial in kept.get_trials(states=(states.RUNNING,)):
        kept.tell(trial.number, state=states.FAIL)  # Killed: drawn again below, and continued from its checkpoint.
    finished = [trial for trial in kept.trials if trial.state == states.COMPLETE or "diverged" in trial.user_attrs]
    settings = [_setting(trial.params) for trial in finished]
    if len(settings) > trials:  # The best of fewer would replace the recipe that the best of all has become.
        say(f"{model}: {len(settings)} trials are done, more than --trials {trials}; all of them count")
    space_of = {
        "batch_size": optuna.distributions.CategoricalDistribution(space.batch_sizes),
        "learning_rate": optuna.distributions.FloatDistribution(
            min(space.learning_rates), max(space.learning_rates), log=True
        ),
        "optimizer": optuna.distributions.CategoricalDistribution(space.optimizers),
    }
    while len(settings) < trials:
        number = len(settings)
        # A sampler a draw: a continued search draws what an undisturbed one does.
        kept.sampler = optuna.samplers.RandomSampler(seed=(seed * 1_000_003 + number) % 2**32)
        trial = kept.ask(space_of)
        setting = _setting(trial.params)
        [found] = _trained(study, [(model, setting)])
        if found.runs:
            kept.tell(trial, found.val_accuracy)
            say(f"[{number + 1}/{trials}] {model}, {setting}: validation {found.val_accuracy:.1%}")
        else:
            trial.set_user_attr("diverged", found.reason)
            kept.tell(trial, state=states.FAIL)
            say(f"[{number + 1}/{trials}] {model}, {setting}: {found.reason}")
        settings.append(setting)
    return settings


def _setting(parameters: dict[str, Any]) -> Setting:
    rate = parameters["learning_rate"]
    digits = 2 - math.floor(math.log10(rate))
    return Setting(parameters["batch_size"], round(rate, digits), parameters["optimizer"])


def _trained(study: Study, chosen: list[tuple[str, Setting]], executor: Executor | None = None) -> list[Trial]:
    """Train what of the settings is missing, and return all as trials."""
    cells = {(model, setting): study.cells(model, setting.applied(study.recipe)) for model, setting in chosen}
    work_through((), [missing_work(study, [cell for own in cells.values() for cell in own])], executor)
    found = []
    for (model, setting), own in cells.items():
        runs = [study.trained(cell) for cell in own]
        complete = tuple(run for run in runs if run is not None)
        whole = len(complete) == len(runs)
        found.append(
            Trial(
                model=model,
                setting=setting,
                recipe=own[0].recipe.id,
                runs=complete if whole else (),
                reason="" if whole else next(filter(None, map(study.diverged, own))),
            )
        )
    return found


def _storage(optuna: Any, path: Path) -> Any:
    from sqlalchemy import URL
    from sqlalchemy.exc import DatabaseError

    url = URL.create("sqlite", database=str(path.absolute())).render_as_string()
    try:
        return optuna.storages.RDBStorage(url)
    except (DatabaseError, RuntimeError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: BaseException) -> FerBenchError:
    """Return what to say of draws that cannot be read or written: it is the disk's fault, or that of what is there."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF in _OF_THE_DISK:  # The higher bits tell the kinds of one error apart.
        return FerBenchError(
            f"{path}: the draws cannot be kept there ({first_line(error)}); see to the disk and the folder, then "
            "the same command continues"
        )
    return FerBenchError(
        f"{path}: not a store of draws that this Optuna reads ({first_line(error)}); move it away: the draws are made "
        "again, and trials that are done stay"
    )


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise FerBenchError(
            f"a random search needs Optuna ({error}); install it with: pip install 'fer-bench[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
