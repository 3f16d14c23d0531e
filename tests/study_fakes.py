"""Training and testing without a network: the records that they would write, scores following from the recipe."""

import dataclasses

import pytest
from record_factory import eval_record, save_eval, train_record

from fer_bench import backend, grid, records, stages
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import DivergedError
from fer_bench.grid import Cell
from fer_bench.records import Epoch


def score(cell: Cell) -> float:
    """Return a validation accuracy: best at batch 64, rate 1e-3, few frozen layers; Adam suits all but ShuffleNetV2."""
    recipe = cell.recipe
    value = 0.6 - abs(recipe.batch_size - 64) / 1000 - abs(recipe.learning_rate - 1e-3) * 10
    value -= (recipe.freeze_layers if recipe.freeze_layers is not None else 10) / 1000
    value += 0.02 if (recipe.optimizer == "adam") == (cell.model != "shufflenetv2") else 0
    return round(value + cell.seed / 100, 6)


class InterruptionError(Exception):
    """Stands for a kill: nothing below the test catches it."""


class Trained(list):
    """The cells that were trained, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupt_after: int | None = None
        self.tested: list[tuple[Cell, str]] = []


def replace_training(monkeypatch: pytest.MonkeyPatch) -> Trained:
    told = Trained()

    def train_cell(workspace, cell, dataset, networks, *, weights, watch=None):
        done = grid.trained(workspace, cell, dataset.fingerprint)
        if done is not None:
            return done
        if told.interrupt_after == len(told):
            raise InterruptionError
        told.append(cell)
        if cell.recipe.learning_rate >= 0.1:
            raise DivergedError(f"{cell.model}: the training loss became nan in epoch 1")
        best = score(cell)
        history = tuple(
            Epoch(
                loss=1.0 / epoch,
                accuracy=0.7,
                val_loss=1 + 0.1 * epoch,
                val_accuracy=best if epoch == 1 else best - 0.1,
                learning_rate=cell.recipe.learning_rate,
                seconds=1.0,
            )
            for epoch in range(1, cell.recipe.epochs + 1)
        )
        record = dataclasses.replace(
            train_record("clcm", "fer2013", seed=cell.seed, recipe=cell.recipe.id, origin=dataset.origin),
            model=cell.model,
            dataset=cell.dataset,
            backend=backend.name(),
            dataset_fingerprint=dataset.fingerprint,
            recipe_content=cell.recipe.content(),
            history=history,
            best_epoch=0,
        )
        path = workspace.weights(cell.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(cell.id)
        records.save(workspace.results.records, record)
        return record

    def test_run(workspace, run, cell, target, networks):
        done = grid.evaluated(workspace, run, target)
        if done is not None:
            return done
        told.tested.append((cell, target.dataset))
        right = 10 + (cell.recipe.freeze_layers or 0)  # Deeper freezing tests better: the choice must not follow it.
        matrix = [[right if row == column else 1 for column in range(7)] for row in range(len(EMOTIONS))]
        made = eval_record("clcm", cell.dataset, target.dataset, seed=cell.seed, origin=run.origin, matrix=matrix)
        return save_eval(
            workspace.results,
            dataclasses.replace(
                made,
                model=run.model,
                recipe=run.recipe,
                backend=run.backend,
                dataset_fingerprint=run.dataset_fingerprint,
                target_fingerprint=target.fingerprint,
                weights_sha256=run.weights_sha256,
                predictions=f"{cell.id}__{target.dataset}.npz",
            ),
        )

    monkeypatch.setattr(stages, "train_cell", train_cell)
    monkeypatch.setattr(stages, "test_run", test_run)
    return told
