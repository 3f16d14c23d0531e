"""Tables 2 and 3: the architectures, from the graphs that Keras builds, beside the printed ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from fer_bench import paper
from fer_bench.models.architecture import Architecture, Unit, architectures
from fer_bench.tables.values import Cell, Column, Grid, Missing, Number, Table, Text

_BOTTLENECK = "Bottleneck Block"
_GLOBAL = {"Average Pooling", "Global Pooling"}
"""The paper's words for a global pooling."""


@dataclass(frozen=True)
class _Line:
    """Equal units after one another."""

    input_size: str
    layer: str
    stride: int | None
    repetitions: int
    output: tuple[int, ...]
    parameters: int
    trainable_parameters: int

    @property
    def key(self) -> tuple[str, str]:
        """What tells which printed line this is."""
        return self.input_size, "Global Pooling" if self.layer.startswith("Global ") else self.layer


def table2() -> Table:
    """Table 2: MobileNetV2, and CLCM, which the paper describes in the text only."""
    grids = (
        _grid("MobileNetV2", architectures()["mobilenetv2"], paper.TABLE2),
        _grid("CLCM (no table in the paper: section III-A-3)", architectures()["clcm"], ()),
    )
    notes = (
        *_READING,
        "Bottleneck blocks of one width are one line with the stride of the first, as in the paper; the others have 1.",
        "MobileNetV2's published number of parameters needs Keras' 1000-way top and a seven-way layer on it, where the "
        "paper prints one Dense. Whether the top keeps its softmax, Keras' default, the number does not tell; here it "
        "does.",
        "CLCM's parameters that are not trainable: batch-norm statistics, and its first ten layers, which are frozen.",
    )
    return Table(2, "MobileNetV2 architecture", False, grids, notes)


def table3() -> Table:
    """Table 3: ShuffleNetV2."""
    grid = _grid("ShuffleNetV2", architectures()["shufflenetv2"], paper.TABLE3)
    notes = (
        *_READING,
        "The paper prints no convolution before the global pooling; its number of parameters needs the last 1x1 "
        "convolution of 1024 filters.",
        "The published number of parameters needs branches of the full stage width too: each block puts out twice the "
        "channels of the reference network.",
    )
    return Table(3, "ShuffleNetV2 architecture", False, (grid,), notes)


_READING = (
    "From the graph that Keras builds (fer-bench architecture), a layer with its batch norm, activation and padding as "
    "one; published: as the paper prints it, where a line of it is the same layer at the same input size.",
    "Parameters: trainable or not, of all repetitions together.",
)


def lines(found: Architecture) -> list[_Line]:
    """Return the units of an architecture, equal ones after one another as one line.

    Bottleneck blocks are alike where they put out the same channels (the first alone may have a stride of 2), all
    other units where everything is the same.
    """
    grouped = [list(group) for _, group in groupby(found.units, key=_alike)]
    return [
        _Line(
            input_size=_size(group[0].input),
            layer=group[0].layer,
            stride=group[0].stride,
            repetitions=len(group),
            output=group[-1].output,
            parameters=sum(unit.parameters for unit in group),
            trainable_parameters=sum(unit.trainable_parameters for unit in group),
        )
        for group in grouped
    ]


def _alike(unit: Unit) -> tuple[object, ...]:
    if unit.layer == _BOTTLENECK:
        return unit.layer, unit.output[-1]
    return unit.layer, unit.input, unit.output, unit.stride


def _size(shape: tuple[int, ...]) -> str:
    """Return height and width in the paper's form; features have none, which it prints as 1x1."""
    return f"{shape[0]}x{shape[1]}" if len(shape) > 1 else "1x1"


def _grid(title: str, found: Architecture, published: Sequence[paper.Layer]) -> Grid:
    columns = [Column("Input size", text=True), Column("Layer", text=True), Column("Stride"), Column("# Repetitions")]
    columns += [Column("Output channels"), Column("Parameters"), Column("Trainable")]
    if published:
        columns += [Column("Layer", group="Published", text=True)]
        columns += [Column(name, group="Published") for name in ("Stride", "# Repetitions")]
    rows = []
    for line, printed in _aligned(lines(found), published):
        row = _ours(line)
        rows.append((*row, *_theirs(printed)) if published else row)
    return Grid(title, tuple(columns), tuple(rows))


def _aligned(ours: Sequence[_Line], published: Sequence[paper.Layer]) -> list[tuple[_Line | None, paper.Layer | None]]:
    """Return every line with the printed one of the same layer and input size; ``None`` where there is none."""
    keys = [(row.input_size, "Global Pooling" if row.layer in _GLOBAL else row.layer) for row in published]
    pairs: list[tuple[_Line | None, paper.Layer | None]] = []
    matcher = SequenceMatcher(None, [line.key for line in ours], keys, autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        equal = ours[start:end], published[first:last]
        if [line.key for line in equal[0]] == keys[first:last]:
            pairs += zip(*equal, strict=True)
        else:
            pairs += [(line, None) for line in equal[0]] + [(None, row) for row in equal[1]]
    return pairs


def _ours(line: _Line | None) -> tuple[Cell, ...]:
    if line is None:
        return (Missing(),) * 7
    return (
        Text(line.input_size),
        Text(line.layer),
        _number(line.stride),
        _number(line.repetitions),
        _number(line.output[-1]),
        _number(line.parameters),
        _number(line.trainable_parameters),
    )


def _theirs(row: paper.Layer | None) -> tuple[Cell, ...]:
    if row is None:
        return (Missing(),) * 3
    # A cell that the paper leaves empty is not one that it lacks.
    return Text(row.layer), _printed(row.stride), _printed(row.repetitions)


def _printed(value: int | None) -> Cell:
    return Text("") if value is None else _number(value)


def _number(value: int | None) -> Number | Missing:
    return Missing() if value is None else Number(value=value, decimals=0, thousands=True)
