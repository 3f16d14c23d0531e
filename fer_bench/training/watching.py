"""Watching a training run: its learning curve as a picture that is drawn anew, and logs for TensorBoard."""

import contextlib
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_bench.files import replacing
from fer_bench.messages import say
from fer_bench.records import Epoch
from fer_bench.workspace import Workspace

_SHARE = 0.05
"""Of the time that the picture may take."""


@dataclass(frozen=True)
class Watch:
    """What of a run can be watched."""

    live: bool = False
    """Keep a picture of the learning curve up to date."""
    tensorboard: bool = False
    """Write TensorBoard's event files."""
    after_epoch: Callable[[], None] | None = None
    """Called after each epoch, when its checkpoint is written."""

    @contextlib.contextmanager
    def over(self, workspace: Workspace, cell_id: str, title: str) -> Iterator[Callable[[int, Epoch], None]]:
        """Yield what is to be called after each epoch, with its number, counted from 0, and its figures.

        Epochs that a checkpoint or the record already holds are told again, so that picture and logs are those of the
        whole run.
        """
        with contextlib.ExitStack() as stack:
            watchers: list[Callable[[int, Epoch], None]] = []
            if self.live:
                say(f"learning curve: {workspace.curve(cell_id)}")
                watchers.append(stack.enter_context(_curve(workspace.curve(cell_id), title)))
            if self.tensorboard:
                command = ["tensorboard", "--logdir", str(workspace.tensorboard(cell_id).parent)]
                say(f"logs: {shlex.join(command)}")
                watchers.append(stack.enter_context(_events(workspace.tensorboard(cell_id))))

            def on_epoch(number: int, epoch: Epoch) -> None:
                for watcher in watchers:
                    watcher(number, epoch)
                if self.after_epoch:
                    self.after_epoch()

            yield on_epoch


UNWATCHED = Watch()


@contextlib.contextmanager
def _curve(path: Path, title: str) -> Iterator[Callable[[int, Epoch], None]]:
    """Draw after an epoch where drawing takes no more than a small share of the time, and at the end."""
    history: list[Epoch] = []
    due = shown = 0.0

    def draw() -> None:
        nonlocal due, shown
        began = time.perf_counter()
        draw_curve(history, title, path)
        shown = len(history)
        due = time.perf_counter() + (time.perf_counter() - began) / _SHARE

    def on_epoch(_: int, epoch: Epoch) -> None:
        history.append(epoch)
        if time.perf_counter() >= due:
            draw()

    yield on_epoch
    if len(history) > shown:
        draw()


def draw_curve(history: list[Epoch], title: str, path: Path) -> None:
    """Write loss and accuracy over the epochs as PNG, atomically, so that a viewer never sees half a picture."""
    from fer_bench.figures.learning_curves import of_one_run
    from fer_bench.figures.style import styled

    with styled(), replacing(path) as temporary:
        of_one_run(title, history).draw().savefig(temporary, format="png", metadata={"Software": None})


@contextlib.contextmanager
def _events(folder: Path) -> Iterator[Callable[[int, Epoch], None]]:
    """Write scalars as Keras' callback names them: ``train`` and ``validation`` as two runs that overlay.

    By TensorFlow's record writer alone: its summary operations would start TensorFlow's own device context beside
    that of another backend.
    """
    import tensorflow as tf

    shutil.rmtree(folder, ignore_errors=True)  # Every epoch is told again.
    with contextlib.ExitStack() as stack:
        writers: dict[str, Any] = {}
        for name in ("train", "validation"):
            (folder / name).mkdir(parents=True)
            writers[name] = stack.enter_context(tf.io.TFRecordWriter(str(folder / name / "events.out.tfevents.0")))
            first = tf.compat.v1.Event(wall_time=time.time(), file_version="brain.Event:2")
            writers[name].write(first.SerializeToString())

        def on_epoch(number: int, epoch: Epoch) -> None:
            values = {
                "train": {
                    "epoch_loss": epoch.loss,
                    "epoch_accuracy": epoch.accuracy,
                    "epoch_learning_rate": epoch.learning_rate,
                    "epoch_seconds": epoch.seconds,
                },
                "validation": {"epoch_loss": epoch.val_loss, "epoch_accuracy": epoch.val_accuracy},
            }
            for name, scalars in values.items():
                summary = tf.compat.v1.Summary(
                    value=[tf.compat.v1.Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
                )
                event = tf.compat.v1.Event(wall_time=time.time(), step=number + 1, summary=summary)
                writers[name].write(event.SerializeToString())
                writers[name].flush()

        yield on_epoch
