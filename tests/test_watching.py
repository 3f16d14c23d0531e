"""The live picture and TensorBoard's logs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_options import MINI, run

from fer_bench.records import Epoch
from fer_bench.training.watching import Watch, draw_curve
from fer_bench.workspace import Workspace


def epochs(count: int) -> list[Epoch]:
    return [
        Epoch(
            loss=2 - 0.1 * i,
            accuracy=0.2 + 0.05 * i,
            val_loss=2.5,
            val_accuracy=0.3 - 0.01 * i,
            learning_rate=1e-3,
            seconds=1.5,
        )
        for i in range(count)
    ]


def scalars(folder) -> dict[str, dict[int, float]]:
    """Read the event files below a folder as TensorBoard would: tag by run, value by step."""
    import tensorflow as tf

    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.rglob("*tfevents*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.setdefault(f"{path.parent.name}/{value.tag}", {})[event.step] = value.simple_value
    return found


@pytest.mark.usefixtures("configured")
def test_tensorboard_gets_every_figure_of_every_epoch(tmp_path):
    place, history = Workspace(tmp_path), epochs(3)
    for told in (2, 3):  # Interrupted after two epochs; the checkpoint tells them again.
        with Watch(tensorboard=True).over(place, "cell", "title") as on_epoch:
            for number, epoch in enumerate(history[:told]):
                on_epoch(number, epoch)
                assert scalars(place.tensorboard("cell"))["train/epoch_loss"][number + 1] == pytest.approx(epoch.loss)
    found = scalars(place.tensorboard("cell"))
    assert set(found) == {
        *(f"train/epoch_{name}" for name in ("loss", "accuracy", "learning_rate", "seconds")),
        *(f"validation/epoch_{name}" for name in ("loss", "accuracy")),
    }
    assert all(list(steps) == [1, 2, 3] for steps in found.values())
    assert found["validation/epoch_accuracy"][3] == pytest.approx(history[2].val_accuracy)
    assert len(list(place.tensorboard("cell").rglob("*tfevents*"))) == 2


def test_the_command_for_tensorboard_can_be_pasted(tmp_path, capsys):
    with Watch(tensorboard=True).over(Workspace(tmp_path / "my runs"), "cell", "title"):
        pass
    assert f"logs: tensorboard --logdir '{tmp_path}/my runs/tensorboard'\n" in capsys.readouterr().err


def test_the_picture_is_there_from_the_first_epoch_and_whole_at_the_end(tmp_path):
    place = Workspace(tmp_path)
    with Watch(live=True).over(place, "cell", "title") as on_epoch:
        on_epoch(0, epochs(1)[0])
        first = place.curve("cell").read_bytes()
        assert first.startswith(b"\x89PNG")
        on_epoch(1, epochs(2)[1])
    draw_curve(epochs(2), "title", tmp_path / "whole.png")
    assert place.curve("cell").read_bytes() == (tmp_path / "whole.png").read_bytes() != first
    assert [path.name for path in place.curve("cell").parent.iterdir()] == ["cell.png"]


def test_nothing_is_written_unasked(tmp_path):
    with Watch().over(Workspace(tmp_path), "cell", "title") as on_epoch:
        on_epoch(0, epochs(1)[0])
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_watched_where_asked(workspace, tiny_model, tmp_path):
    recipe = tmp_path / "mini.toml"
    recipe.write_text(MINI)
    options = ("-m", "tiny", "-d", "fer2013", "-r", str(recipe), "-w", str(workspace.root), "--json")
    options += ("--weights", "random", "--live", "--tensorboard")
    record = json.loads(run("train", *options).stdout)
    [picture] = (workspace.root / "curves").iterdir()
    assert picture.stem.startswith("tiny__fer2013__mini-")
    found = scalars(workspace.root / "tensorboard")
    assert found["validation/epoch_accuracy"][1] == pytest.approx(record["history"][0]["val_accuracy"])
    # A finished run is not trained again; what was watched of it stays.
    picture.unlink()
    assert json.loads(run("train", *options).stdout) == record
    assert scalars(workspace.root / "tensorboard") == found
    assert picture.exists()


COMMAND = """
import sys
here = sys.argv.pop(1)
sys.path[:0] = [here, here + "/.."]
from tiny_network import build_tiny
from fer_bench import models
from fer_bench.models.card import ModelCard
models._BUILT_IN["tiny"] = ModelCard(
    name="tiny", title="", build=build_tiny, reference="", trainable_parameters=2_363, non_trainable_parameters=184
)
from fer_bench.cli import app
app(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_watched_run_computes_what_an_unwatched_one_does(workspace, tmp_path):
    """The logs need TensorFlow, whose kernels are settled when it is imported: hence processes of their own."""
    recipe = tmp_path / "mini.toml"
    recipe.write_text(MINI)
    options = ("train", "-m", "tiny", "-d", "fer2013", "-r", str(recipe), "--weights", "random", "--json")
    found = []
    for more in ((), ("--live", "--tensorboard")):
        place = tmp_path / f"watched-{len(more)}"
        place.mkdir()
        (place / "datasets").symlink_to(workspace.datasets)
        command = [sys.executable, "-c", COMMAND, str(Path(__file__).parent), *options, "-w", str(place), *more]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
        record = json.loads(done.stdout)
        found.append((record["weights_sha256"], record["compute"]))
        assert (place / "tensorboard").exists() == bool(more)
    assert found[0] == found[1]
    assert found[0][1].get("onednn") != "false", "the kernels that train fastest"
