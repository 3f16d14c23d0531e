"""The winners as recipes: TOML files for ``--recipe``."""

from collections.abc import Mapping
from pathlib import Path

from fer_bench.files import write_text
from fer_bench.recipe import Recipe, to_toml
from fer_bench.studies import Study
from fer_bench.tuning.outcome import Outcome, Trial


def write_recipes(study: Study, found: Outcome, recipes: Mapping[str, Recipe], folder: Path) -> dict[str, Path]:
    """Write the recipe of each model's best setting, and that of the shared one; return the files by model.

    Runs of a winner that were trained by that very recipe become the workspace's own, not to be trained again.

    Args:
        study: whose runs the trials are; its recipes may have fewer epochs.
        found: the outcome of the search.
        recipes: the recipe that the settings are put into, by model.
        folder: where the files go.

    Returns:
        Paths by model; the shared setting's under ``shared``.
    """
    dataset = study.dataset.dataset
    paths = {}
    for model, trial in found.winners.items():
        recipe = trial.setting.applied(recipes[model])
        comment = f"Best of {len(found.trials[model])} settings for {model} on {dataset}. {_evidence(study, trial)}"
        paths[model] = folder / f"{model}__{dataset}.toml"
        write_text(paths[model], to_toml(recipe, comment))
        if recipe.id == trial.recipe:
            for cell in study.cells(model, recipe):
                study.adopt(cell)
    if found.shared:
        model, trial = next(iter(found.shared.items()))
        lines = [f"{each.model}: {_evidence(study, each)}" for each in found.shared.values()]
        comment = "\n".join([f"Best shared setting of {', '.join(found.shared)} on {dataset}.", *lines])
        paths["shared"] = folder / f"shared__{dataset}.toml"
        write_text(paths["shared"], to_toml(trial.setting.applied(recipes[model]), comment))
    return paths


def _evidence(study: Study, trial: Trial) -> str:
    epochs = study.recipes[trial.model].epochs
    seeds = f", mean of {len(trial.runs)} seeds" if len(trial.runs) > 1 else ""
    return f"Validation accuracy {100 * trial.val_accuracy:.2f} % in {epochs} epochs{seeds}."
