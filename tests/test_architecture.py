"""Tables 2 and 3: the committed architectures are those that the models have, and read as the paper's do."""

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fer_bench import models, paper
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.models import built_in_cards, model_card
from fer_bench.models.architecture import PATH, architectures
from fer_bench.tables.architecture import lines, table2, table3
from fer_bench.tables.values import Grid, Missing, Number, Text

NAMES = list(built_in_cards())
WRITE_ANEW = "run: fer-bench architecture --json > fer_bench/models/architectures.json"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("configured")
def test_the_committed_architecture_is_that_of_the_model(name: str) -> None:
    from fer_bench.profiling.architecture import architecture

    committed = architectures()[name]
    model = model_card(name).build(committed.image_size, committed.classes)
    assert architecture(name, model, committed.image_size, committed.classes) == committed, WRITE_ANEW


def test_a_model_of_larger_images_is_refused_by_name(tiny_model, monkeypatch) -> None:
    monkeypatch.setitem(models._BUILT_IN, "tiny", dataclasses.replace(tiny_model, min_image_size=299))
    result = CliRunner().invoke(app, ["architecture", "--model", "tiny"])
    assert isinstance(result.exception, FerBenchError)
    assert "tiny takes images of at least 299 x 299 pixels" in str(result.exception)


def test_the_committed_file_is_what_the_command_prints() -> None:
    from fer_bench.profiling.architecture import to_text

    assert list(architectures()) == NAMES, WRITE_ANEW
    assert to_text(architectures().values()) == PATH.read_text(encoding="utf-8"), WRITE_ANEW
    assert json.loads(PATH.read_text(encoding="utf-8"))["schema"] == 1


@pytest.mark.parametrize("name", NAMES)
def test_units_follow_one_another_and_hold_every_parameter(name: str) -> None:
    found, card = architectures()[name], model_card(name)
    assert found.units[0].input == (224, 224, 3)
    assert found.units[-1].output == (7,)
    for before, after in zip(found.units, found.units[1:], strict=False):
        assert before.output == after.input
    assert sum(unit.trainable_parameters for unit in found.units) == card.trainable_parameters
    total = card.trainable_parameters + card.non_trainable_parameters
    assert sum(unit.parameters for unit in found.units) == total


def test_mobilenetv2_is_the_papers_table_line_by_line() -> None:
    ours = [
        (line.input_size, line.layer, line.stride, line.repetitions) for line in lines(architectures()["mobilenetv2"])
    ]
    printed = [(row.input_size, row.layer, row.stride, row.repetitions) for row in paper.TABLE2]
    assert ours[:9] == printed[:9]
    assert [line[:2] for line in ours[9:]] == [("7x7", "Global Average Pooling"), ("1x1", "Dense"), ("1x1", "Dense")]


def test_shufflenetv2_is_the_papers_table_with_one_line_more() -> None:
    ours = [(line.input_size, line.layer, line.stride) for line in lines(architectures()["shufflenetv2"])]
    printed = [(row.input_size, row.layer, row.stride) for row in paper.TABLE3]
    assert ours[:8] == printed[:8]
    assert ours[8] == ("7x7", "Conv2D 1x1", 1)
    repeated = [line.repetitions for line in lines(architectures()["shufflenetv2"])]
    assert repeated[:8] == [row.repetitions for row in paper.TABLE3[:8]]


def test_the_tables_put_each_printed_line_beside_its_layer() -> None:
    for table, published in ((table2(), paper.TABLE2), (table3(), paper.TABLE3)):
        grid = table.blocks[0]
        assert isinstance(grid, Grid)
        shown = [row[7] for row in grid.rows if not isinstance(row[7], Missing)]
        assert shown == [Text(row.layer) for row in published]
        for row in grid.rows:
            if isinstance(row[8], Number) and isinstance(row[7], Text) and "Pooling" not in row[7].text:
                assert row[2] == row[8]
            if isinstance(row[9], Number) and isinstance(row[7], Text):
                assert row[3] == row[9]


def test_clcm_shows_what_is_frozen() -> None:
    units = architectures()["clcm"].units
    assert [unit.trainable_parameters for unit in units[:2]] == [0, 0]
    assert 0 < units[2].trainable_parameters < units[2].parameters
    grid = table2().blocks[1]
    assert isinstance(grid, Grid)
    assert [row[1] for row in grid.rows][-4:] == [Text("Global Average Pooling"), *[Text("Dense")] * 3]


@pytest.mark.usefixtures("configured")
def test_other_networks_are_read_too() -> None:
    import keras
    from keras import layers

    from fer_bench.profiling.architecture import architecture

    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, 2, padding="same")(inputs)))
    x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(x)])
    # A depthwise convolution whose pointwise one is activated is no bottleneck.
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Conv2D(16, 1, activation="relu")(x)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    model = keras.Model(inputs, layers.Dense(5)(layers.Dropout(0.1)(x)))
    found = architecture("mine", model, 32, 5)
    assert [unit.layer for unit in found.units] == [
        "Conv2D",
        "Residual Block",
        "Depthwise Conv2D",
        "Conv2D 1x1",
        "Average Pooling",
        "Dense",
    ]
    assert [unit.stride for unit in found.units] == [2, 1, 1, 1, 4, None]
    assert sum(unit.parameters for unit in found.units) == model.count_params()


def test_a_file_of_another_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "architectures.json"
    other.write_text(json.dumps({**json.loads(PATH.read_text(encoding="utf-8")), "schema": 2}), encoding="utf-8")
    monkeypatch.setattr("fer_bench.models.architecture.PATH", other)
    architectures.cache_clear()
    with pytest.raises(FerBenchError, match=r"architectures\.json: schema 2, expected 1"):
        architectures()
    architectures.cache_clear()
