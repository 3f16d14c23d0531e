"""Training, testing and profiling as the commands and ``run-all`` do them: the work itself, with its progress shown."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from fer_bench import backend, records, session_anova
from fer_bench.errors import number_of
from fer_bench.grid import Cell
from fer_bench.messages import detail, say
from fer_bench.models.batch_norm import slowest_momentum
from fer_bench.progress import bar
from fer_bench.recipe import Recipe
from fer_bench.records import Epoch, EvalRecord, Origin, ProfileRecord, RobustnessRecord, TrainRecord
from fer_bench.training.watching import UNWATCHED, Watch
from fer_bench.workspace import Workspace

if TYPE_CHECKING:  # Keras is imported when a network is built, not before
    from fer_bench.datasets.joined import TrainingData
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.network import Network
    from fer_bench.profiling import Plan


_IMAGES_PER_SECOND = 160
"""Training speed of one core at 48 x 48."""
_LEFT_OVER = 0.05
"""Share of the initial statistics of batch norms that is worth a message at the end of a training."""
_FASTER = (0.99, 0.95, 0.9, 0.8)
"""Momenta to advise, the slowest that is fast enough."""
COMPILE_SECONDS = 25.0
"""Building and compiling one network. Of these figures little more than the proportions matter: the time left is scaled
by what the first stages took."""


def training_seconds(images: int, recipe: Recipe) -> float:
    """Return the expected duration of training, seconds.

    Args:
        images: gone through, all epochs together.
        recipe: of the run.
    """
    return images / _IMAGES_PER_SECOND * max(1.0, (recipe.image_size / 48) ** 2)


class Networks:
    """Keeps the network that was compiled last, since to compile one takes tens of seconds, and memory holds one.

    Args:
        devices: number of devices that share every batch (see :mod:`fer_bench.devices`).
    """

    def __init__(self, devices: int = 1) -> None:
        self._devices = devices
        self._kept: tuple[tuple[str, str], Network] | None = None

    def of(self, cell: Cell) -> "Network":
        """Return the network of a cell's model and recipe: the kept one where it is that, else a newly compiled one."""
        import gc

        from fer_bench.network import Network

        key = (cell.model, cell.recipe.id)
        if self._kept is None or self._kept[0] != key:
            if self._kept is not None:
                import keras

                self._kept = None
                keras.backend.clear_session()
                gc.collect()
            self._kept = (key, Network(cell.model, cell.recipe, self._devices))
        return self._kept[1]


def train_cell(
    workspace: Workspace,
    cell: Cell,
    dataset: "TrainingData",
    networks: Networks,
    *,
    weights: str | None,
    watch: Watch = UNWATCHED,
) -> TrainRecord:
    """Train a cell with a bar of its steps; see :func:`fer_bench.training.run.train`."""
    import math

    from fer_bench.training.balance import epoch_size
    from fer_bench.training.run import train

    shown_images = epoch_size(dataset.labels[dataset.indices("train")], cell.recipe.balance)
    steps = math.ceil(shown_images / cell.recipe.batch_size)
    title = f"{cell.model} on {cell.dataset}"
    caption = f"{title}, {cell.recipe.name}, seed {cell.seed}"
    caption += " (synthetic faces)" if dataset.origin == "synthetic" else ""
    known, trains = 0, False
    with bar(title, steps * cell.recipe.epochs, unit="step") as shown:
        network = networks.of(cell)  # Before the watch, which may import TensorFlow: a network sets it up.
        with watch.over(workspace, cell.id, caption) as watcher:

            def on_epoch(number: int, epoch: Epoch) -> None:
                nonlocal known
                watcher(number, epoch)
                done = (number + 1) * steps
                if trains:
                    shown.at(done)
                else:
                    known = number + 1
                    shown.known(done)
                shown.note(f"epoch {number + 1}/{cell.recipe.epochs}, validation {epoch.val_accuracy:.1%}")
                if trains:
                    detail(_told(caption, number, cell.recipe.epochs, epoch))

            def on_step() -> None:
                nonlocal trains
                if not trains:
                    _tell_of_a_cpu(cell.recipe.image_size, cell.recipe.epochs)
                    _tell_of_slow_statistics(title, slowest_momentum(network.core), steps * cell.recipe.epochs)
                    detail(f"{caption}: first step done" + (f", going on after epoch {known}" if known else ""))
                trains = True
                shown.advance()

            run = train(cell, dataset, network, workspace, weights=weights, on_epoch=on_epoch, on_step=on_step)
    if not trains:
        detail(f"{caption}: kept, as it was trained before")
    return run


@cache
def _tell_of_a_cpu(image_size: int, epochs: int) -> None:
    """Say that a training on images larger than a CPU is good for begins without an accelerator.

    Once a process: runs of the same sizes follow each other.
    """
    if image_size > backend.ONE_THREAD_SIZE and not backend.devices():
        say(
            f"no accelerator: the training ({number_of(epochs, 'epoch')} at {image_size} x {image_size}) is on the "
            "CPU; for how a GPU is found, see fer-bench doctor"
        )


@cache
def _tell_of_slow_statistics(title: str, momentum: float, steps: int) -> None:
    """Say that batch norms will still be near their initial statistics at the end of a training.

    As of 2,872 steps of MobileNetV2 with Keras' momentum of 0.999. Once a process: other seeds follow.
    """
    share = momentum**steps
    if share > _LEFT_OVER:
        faster = next((value for value in _FASTER if value**steps < _LEFT_OVER), None)
        remedy = "more epochs let" if faster is None else f"batch_norm_momentum = {faster:g} in a recipe file lets"
        say(
            f"{title}: at the end of this training ({number_of(steps, 'step')}) the statistics of its batch norms "
            f"(momentum {momentum:g}) will still be {share:.0%} their initial ones, and validation and test accuracy "
            f"lower than its weights allow; {remedy} them follow"
        )


def _told(caption: str, number: int, epochs: int, epoch: Epoch) -> str:
    """Return one line about a finished epoch; ``number`` counts from 0."""
    return (
        f"{caption}: epoch {number + 1}/{epochs} in {epoch.seconds:.1f} s, loss {epoch.loss:.4f}, accuracy "
        f"{epoch.accuracy:.1%}; validation loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.1%}"
    )


def test_run(workspace: Workspace, run: TrainRecord, cell: Cell, target: "Prepared", networks: Networks) -> EvalRecord:
    """Test a finished run on a dataset's test images; see :func:`fer_bench.evaluation.evaluate`."""
    from fer_bench import grid
    from fer_bench.evaluation import evaluate

    done = grid.evaluated(workspace, run, target)
    if done is not None:
        detail(f"{run.model} on {run.dataset}, seed {run.seed}: kept, as it was tested on {target.dataset} before")
        return done
    network = networks.of(cell)
    network.load_weights(workspace.weights(cell.id), run.weights_sha256)
    with bar(f"test {cell.model} on {target.dataset}"):
        return evaluate(run, target, network, workspace)


def test_corrupted_run(
    workspace: Workspace, run: TrainRecord, cell: Cell, target: "Prepared", networks: Networks
) -> RobustnessRecord:
    """Test a finished run on corrupted pictures; see :func:`fer_bench.robustness.testing.test_corrupted`."""
    from fer_bench.environment import describe
    from fer_bench.evaluation import require_testable
    from fer_bench.robustness.progress import shown_answers
    from fer_bench.robustness.testing import subject_of, test_corrupted, tested

    require_testable(run, target)
    done = tested(workspace, subject_of(run), target)
    if done is not None:
        detail(
            f"{run.model} on {run.dataset}, seed {run.seed}: kept, as worse pictures of {target.dataset} were tested"
        )
        return done
    with shown_answers(cell.model, target) as on_progress:
        network = networks.of(cell)
        network.load_weights(workspace.weights(cell.id), run.weights_sha256)
        return test_corrupted(
            subject_of(run),
            target,
            network.predict,
            workspace,
            size=cell.recipe.image_size,
            environment=describe(backend.devices(), [run.model]),
            on_progress=on_progress,
        )


def origin_of(workspace: Workspace) -> Origin:
    """Return the origin that a profile gets in a workspace: that of its datasets, whose tables it will stand in."""
    from fer_bench.datasets.prepared import prepared_names, read_manifest

    manifests = (read_manifest(workspace.prepared(name)) for name in prepared_names(workspace.datasets))
    return "synthetic" if any(manifest and manifest["origin"] == "synthetic" for manifest in manifests) else "real"


def profile(
    workspace: Workspace,
    models: Sequence[str],
    origin: Origin,
    *,
    plan: "Plan | None" = None,
    replace: bool = False,
) -> list[ProfileRecord]:
    """Profile models in one session and save their records.

    Args:
        workspace: where the records go.
        models: registered models, and external ones of the workspace.
        origin: recorded as it is.
        plan: what to measure; ``None`` measures the runtimes of Keras in this process.
        replace: also replace profiles of an earlier session whose other models, or runtimes, are not measured again.

    Raises:
        FerBenchError: as :func:`fer_bench.profiling.profile_models`, and as :mod:`fer_bench.profiling.kept` unless
            ``replace``.
    """
    from fer_bench.external.profiling import external_sources
    from fer_bench.profiling import KERAS_RUNTIMES, Plan, profile_models
    from fer_bench.profiling.kept import require_there, require_whole
    from fer_bench.profiling.steps import shown_steps

    chosen = plan or Plan(runtimes=KERAS_RUNTIMES)
    if not replace:
        known = records.load_all(workspace.results.records, ProfileRecord)
        require_there(workspace, known, models, backend.name())
        require_whole(known, models, chosen.runtime_names, backend.name(), workspace.option)
    with shown_steps("profile") as on_progress:
        externals = external_sources(workspace, models)
        profiles = profile_models(models, chosen, origin=origin, progress=on_progress, externals=externals)
    for record in profiles:
        records.save(workspace.results.records, record)
    session_anova.drop_outdated(workspace.results)
    return profiles
