"""The winners as recipes: TOML files for ``--recipe``."""

from pathlib import Path

from fer_bench.errors import number_of
from fer_bench.files import write_text
from fer_bench.presets import to_toml
from fer_bench.studies import Study
from fer_bench.tuning.outcome import Outcome, Trial


def write_recipes(study: Study, found: Outcome, folder: Path, search: str) -> dict[str, Path]:
    """Write each model's best setting and the shared one as the recipe that was given has them; return the files.

    Args:
        study: whose runs the trials are, with fewer epochs perhaps; the files have all.
        found: the outcome of the search.
        folder: where the files go.
        search: what tells this search from others on the same recipe.

    Returns:
        Paths by model; the shared setting's under ``shared``. Their names tell the recipe that was varied and the
        search, so that another one overwrites none.
    """
    dataset = study.dataset.dataset
    paths = {}
    for model, trial in found.winners.items():
        recipe = trial.setting.applied(study.given)
        best_of = number_of(len(found.trials[model]), "setting")
        comment = f"Best of {best_of} for {model} on {dataset}. {_evidence(study, trial)}"
        paths[model] = folder / f"{model}__{dataset}__{study.given.id}__{search}.toml"
        write_text(paths[model], to_toml(recipe, comment))
    if found.shared:
        trial = next(iter(found.shared.values()))
        lines = [f"{each.model}: {_evidence(study, each)}" for each in found.shared.values()]
        comment = "\n".join([f"Best shared setting of {', '.join(found.shared)} on {dataset}.", *lines])
        paths["shared"] = folder / f"shared__{dataset}__{study.given.id}__{search}.toml"
        write_text(paths["shared"], to_toml(trial.setting.applied(study.given), comment))
    return paths


def _evidence(study: Study, trial: Trial) -> str:
    seeds = f", mean of {len(trial.runs)} seeds" if len(trial.runs) > 1 else ""
    return f"Validation accuracy {100 * trial.val_accuracy:.2f} % in {number_of(study.recipe.epochs, 'epoch')}{seeds}."
