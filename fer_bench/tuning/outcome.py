"""What a search found: the best setting of each model, and the best that all models share."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from fer_bench.records import TrainRecord
from fer_bench.tuning.space import Setting


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One setting of one model, trained with one or several seeds."""

    model: str
    setting: Setting
    recipe: str
    """Recipe id of its runs."""
    runs: tuple[TrainRecord, ...]
    """One a seed; none where a loss became no number."""
    reason: str = ""
    """Why there are none."""

    @property
    def val_accuracy(self) -> float:
        """Highest validation accuracy, a fraction, mean over seeds; nan without runs."""
        return self._mean(lambda run: run.best.val_accuracy)

    @property
    def val_loss(self) -> float:
        """Validation loss of the same epoch, nats."""
        return self._mean(lambda run: run.best.val_loss)

    @property
    def accuracy(self) -> float:
        """Accuracy on the augmented training images in the same epoch, a fraction."""
        return self._mean(lambda run: run.best.accuracy)

    @property
    def loss_rise(self) -> float:
        """How far the validation loss of the last epoch lies above its lowest, nats: overfitting."""
        return self._mean(lambda run: run.history[-1].val_loss - min(epoch.val_loss for epoch in run.history))

    def _mean(self, value: Callable[[TrainRecord], float]) -> float:
        return fmean(value(run) for run in self.runs) if self.runs else math.nan


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Ranked trials, and what follows from them. By validation accuracy, then by validation loss, then as searched."""

    trials: Mapping[str, tuple[Trial, ...]]
    """By model, the best first, those without runs last."""
    winners: Mapping[str, Trial]
    """By model; a model all of whose trials have no runs is missing."""
    shared: Mapping[str, Trial]
    """By model, the trials of the one setting that is best on average over the models, as the paper has one for all;
    empty for a single model, or where no setting has runs of every model."""


def outcome(trials: Sequence[Trial]) -> Outcome:
    """Rank the trials of a search, each model's settings in the order of the search."""
    by_model: dict[str, list[Trial]] = {}
    for trial in trials:
        by_model.setdefault(trial.model, []).append(trial)
    ranked = {
        model: tuple(sorted(own, key=lambda trial: _rank([trial]) if trial.runs else (math.inf, math.inf)))
        for model, own in by_model.items()
    }
    winners = {model: own[0] for model, own in ranked.items() if own[0].runs}
    by_setting: dict[Setting, dict[str, Trial]] = {}
    for trial in trials:
        if trial.runs:
            by_setting.setdefault(trial.setting, {})[trial.model] = trial
    common = [found for found in by_setting.values() if len(found) == len(by_model)]
    shared = min(common, key=lambda found: _rank(list(found.values()))) if common and len(by_model) > 1 else {}
    return Outcome(trials=ranked, winners=winners, shared=shared)


def _rank(trials: Sequence[Trial]) -> tuple[float, float]:
    return -fmean(trial.val_accuracy for trial in trials), fmean(trial.val_loss for trial in trials)


def as_json(found: Outcome) -> dict[str, Any]:
    """Return trials, winners and the shared setting as plain data; accuracies are fractions, losses nats."""
    return {
        "trials": [trial_as_json(trial) for own in found.trials.values() for trial in own],
        "winners": {model: trial_as_json(trial) for model, trial in found.winners.items()},
        "shared": {
            model: {
                **trial_as_json(trial),
                "below_own_best": found.winners[model].val_accuracy - trial.val_accuracy,
            }
            for model, trial in found.shared.items()
        },
    }


def trial_as_json(trial: Trial) -> dict[str, Any]:
    """Return one trial as plain data; ``null`` where it has no runs."""
    values = {name: getattr(trial, name) for name in ("val_accuracy", "val_loss", "accuracy", "loss_rise")}
    return {
        "model": trial.model,
        "batch_size": trial.setting.batch_size,
        "learning_rate": trial.setting.learning_rate,
        "optimizer": trial.setting.optimizer,
        "recipe": trial.recipe,
        **{name: value if trial.runs else None for name, value in values.items()},
        "seeds": [
            {"seed": run.seed, "val_accuracy": run.best.val_accuracy, "best_epoch": run.best_epoch + 1}
            for run in trial.runs
        ],
        "diverged": trial.reason,
    }
