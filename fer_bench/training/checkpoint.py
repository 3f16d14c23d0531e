"""The resumable state of a training run, written after every epoch.

A run's folder holds ``checkpoint.npz`` (all that the next step depends on, and the progress as JSON text) and
``best-<epoch>.npz`` (the weights of the best epoch so far). The progress can be read without Keras.
"""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.arrays import DAMAGE, stated
from fer_bench.errors import FerBenchError, first_line, number_of
from fer_bench.files import replacing
from fer_bench.messages import say
from fer_bench.records import Environment, Epoch, Start, same_place
from fer_bench.typed_json import build

if TYPE_CHECKING:
    from fer_bench.network import Network

STATE = "checkpoint.npz"
"""The state: the arrays of ``Network.state``, then the progress as JSON text (UTF-8 bytes as uint8)."""
BEST = "best-*.npz"
"""Files of the weights of the best epoch so far."""


@dataclasses.dataclass
class Progress:
    """How far a run is; :class:`Checkpoint` saves it, by the names of its fields, beside the network's state."""

    start: Start
    history: list[Epoch]
    best_epoch: int = -1
    """Counted from 0; -1 before the first epoch."""
    environments: list[Environment] = dataclasses.field(default_factory=list)
    """The environments in which it was trained so far, each once, that of the last epoch last."""
    computes: list[dict[str, str]] = dataclasses.field(default_factory=list)
    """The settings (``compute.compute_settings``, devices) that it was trained with so far, likewise."""

    def continues_in(self, environment: Environment) -> bool:
        """Add the environment in which the run continues; return whether its last epoch was trained in another one."""
        moved = bool(self.environments) and not same_place(self.environments[-1], environment)
        known = next((other for other in self.environments if same_place(other, environment)), environment)
        self.environments = [other for other in self.environments if other is not known] + [known]
        return moved

    def continues_with(self, compute: dict[str, str]) -> list[str]:
        """Add the settings with which the run continues; return those that differ from the last epoch's, by name."""
        before = self.computes[-1] if self.computes else compute
        self.computes = [other for other in self.computes if other != compute] + [compute]
        return sorted({name for name, _ in before.items() ^ compute.items()})


@dataclasses.dataclass(frozen=True)
class _Text:
    """The JSON text in a checkpoint."""

    identity: str
    start: Start
    history: tuple[Epoch, ...]
    best_epoch: int
    environments: tuple[Environment, ...] = ()
    computes: tuple[dict[str, str], ...] = ()


def identity(fingerprint: str, backend: str, weights: str) -> str:
    """Return the identity of a run, in one line: a checkpoint is continued only by a run of the same identity.

    Model, recipe and seed are not part of it, since they name the run's folder.

    Args:
        fingerprint: of the dataset.
        backend: name of the Keras backend.
        weights: what the model starts from: the SHA-256 of a file, ``imagenet``, ``None``.
    """
    return f"{fingerprint} {backend} {weights}"


@dataclasses.dataclass(frozen=True)
class Reached:
    """What a checkpoint says of its run, read without the weights."""

    identity: str
    """As :func:`identity` gives it."""
    history: tuple[Epoch, ...]

    @property
    def fingerprint(self) -> str:
        """Of the dataset that the run is trained on."""
        return self.identity.split()[0]

    @property
    def backend(self) -> str:
        """The Keras backend that the run was trained on, the only one that can continue it."""
        return self.identity.split()[1]

    def is_of(self, fingerprint: str, backend: str) -> bool:
        """Return whether a run on this dataset and backend would continue from here, whatever its initial weights."""
        return (self.fingerprint, self.backend) == (fingerprint, backend)


def reached(folder: Path) -> Reached | None:
    """Return what the checkpoint in a run's folder says, ``None`` where there is none.

    Raises:
        FerBenchError: it is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    with _opened(path) as content:
        # An array is read only when it is accessed: here the text, not the weights.
        text = content[f"arr_{len(content.files) - 1}"]
    found, progress = _content(text, path)
    return Reached(found, tuple(progress.history))


class Checkpoint:
    """Writes and reads the files of a run's folder: each is replaced as a whole, and nothing is ever unpickled.

    Args:
        folder: of the run.
        identity: of the run, as :func:`identity` gives it.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self._identity = identity

    def _best(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch:04d}.npz"

    @property
    def _state(self) -> Path:
        return self.folder / STATE

    def save(self, network: "Network", progress: Progress) -> None:
        """Write the state after an epoch; the best weights first, so that the state never names a missing file."""
        state = network.state()
        if progress.best_epoch == len(progress.history) - 1:
            _write_arrays(self._best(progress.best_epoch), state[: len(network.core.variables)])
        text = json.dumps({"identity": self._identity, **dataclasses.asdict(progress)})
        _write_arrays(self._state, [*state, np.frombuffer(text.encode(), dtype=np.uint8)])
        for path in self.folder.glob(BEST):
            if path != self._best(progress.best_epoch):
                path.unlink()

    def load(self, network: "Network") -> Progress | None:
        """Restore the network to the checkpoint; ``None`` where there is none, or where the dataset has changed since.

        Raises:
            FerBenchError: it is damaged, or a run on another backend or from other weights has begun here.
        """
        if not self._state.is_file():
            return None
        found, progress, state = _read_state(self._state)
        if found != self._identity:
            self._pass_over(found, len(progress.history))
            return None
        _restore(network, state, self._state)
        return progress

    def begin_from(self, kept: Path, history: Sequence[Epoch], network: "Network") -> Progress | None:
        """Begin where another run of the same training ended.

        Args:
            kept: the state at that run's end.
            history: of that run.
            network: holds the weights of that run's best epoch, and is in that state afterwards.

        Returns:
            That run's progress; ``None``, and nothing is changed, where the state is of another identity or run.

        Raises:
            FerBenchError: the state is damaged.
        """
        found, progress, state = _read_state(kept)
        if found != self._identity or progress.history != list(history):
            return None
        _write_arrays(self._best(progress.best_epoch), network.state()[: len(network.core.variables)])
        _restore(network, state, kept)
        return progress

    def _pass_over(self, found: str, epochs: int) -> None:
        """Ignore a checkpoint of another identity; the new run will overwrite it.

        If the dataset has changed, the checkpoint is of no use any more, and a message says so. If only the backend or
        the initial weights differ, the user has more likely forgotten an option.

        Args:
            found: identity of the checkpoint.
            epochs: number of epochs that it has.

        Raises:
            FerBenchError: the dataset is the same.
        """
        done = f"{self.folder}: this run, {number_of(epochs, 'epoch')} so far,"
        if found.split()[0] != self._identity.split()[0]:
            say(f"{done} was trained on another state of the dataset; it starts over")
            return
        begun, wanted = (
            f"on {backend} from {_start_name(weights)}"
            for _, backend, weights in (text.split(maxsplit=2) for text in (found, self._identity))
        )
        raise FerBenchError(
            f"{done} was trained {begun}, which this command, {wanted}, cannot continue: give the same options again "
            "(--weights, KERAS_BACKEND), choose another --workspace, or delete that folder to start over"
        )

    def load_best(self, network: "Network", epoch: int) -> None:
        """Put the weights of the best epoch into the network.

        Raises:
            FerBenchError: their file is missing or damaged.
        """
        arrays, variables = _read_arrays(self._best(epoch)), network.core.variables
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
            raise _damaged(self._best(epoch), ValueError(f"another shape or number of weights than {network.name}'s"))
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)


def _read_state(path: Path) -> tuple[str, Progress, list[NDArray[Any]]]:
    """Return identity, progress and the arrays of ``Network.state`` from a state."""
    state = _read_arrays(path)
    if not state:
        raise _damaged(path, ValueError("it is empty"))
    found, progress = _content(state.pop(), path)
    return found, progress, state


def _restore(network: "Network", state: Sequence[NDArray[Any]], path: Path) -> None:
    try:
        network.restore(state)
    except FerBenchError as error:
        # Another version of Keras may keep other variables.
        raise _damaged(path, error) from error


def _start_name(weights: str) -> str:
    named = {"None": "random weights", "imagenet": "the ImageNet weights that Keras downloads"}
    return named.get(weights, f"the weights file with the SHA-256 {weights[:12]}...")


def _write_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    with replacing(path) as temporary:
        np.savez(temporary, *arrays)


def _read_arrays(path: Path) -> list[NDArray[Any]]:
    with _opened(path) as content:
        stated(path)  # A damaged file may claim arrays larger than any memory: their sizes are checked before reading.
        return [content[f"arr_{index}"] for index in range(len(content.files))]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Yield the arrays of an ``.npz`` file by name; an error while they are read names a damaged checkpoint."""
    if path.exists() and not path.is_file():
        raise _damaged(path, ValueError("not a file"))  # Opening a named pipe would wait for its writer.
    try:
        with np.load(path, allow_pickle=False) as content:
            yield content
    except DAMAGE as error:
        raise _damaged(path, error) from error


def _content(text: NDArray[Any], path: Path) -> tuple[str, Progress]:
    """Return identity and progress from the last array of a state."""
    try:
        told = build(_Text, json.loads(text.tobytes()), "its text")
        if not -1 <= told.best_epoch < len(told.history):
            raise ValueError(f"best_epoch is {told.best_epoch}, of {len(told.history)} epochs")
        if len(told.identity.split()) < len(identity("a", "b", "c").split()):
            raise ValueError(f"it is of {told.identity[:80]!r}")
    except (ValueError, RecursionError, FerBenchError) as error:
        raise _damaged(path, error) from error
    progress = Progress(
        told.start, list(told.history), told.best_epoch, list(told.environments), [dict(one) for one in told.computes]
    )
    return told.identity, progress


def _damaged(path: Path, error: Exception) -> FerBenchError:
    reason = first_line(error)
    # One that was kept lies among the weights of all runs.
    useless = f"the folder {path.parent}" if path.name == STATE or path.match(BEST) else "it"
    return FerBenchError(f"{path}: damaged checkpoint ({reason}); delete {useless} to start over")
