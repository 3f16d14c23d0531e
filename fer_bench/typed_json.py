"""JSON to dataclasses, every field checked against its annotation, so that a foreign file gives a message."""

import dataclasses
import functools
import json
import re
import sys
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from fer_bench.errors import FerBenchError


class _MismatchError(Exception):
    pass


_LARGEST = sys.float_info.max
_UNFIT = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no text of ours has: it ends the line, moves a terminal's cursor, or is no character at all."""
_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", types.NoneType: "null"}
"""Types in the words of who reads JSON and perhaps no Python."""
_T = TypeVar("_T")
_Reader = Callable[[Any, str], Any]
"""Takes a value of the JSON content and where it stands, and returns it in the type of its field."""


@functools.cache
def _fields_of(cls: Any) -> dict[str, tuple[Any, bool, _Reader]]:
    """Return type, whether it may be absent, and reader of each field: worked out once, as a file holds thousands."""
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return {
        field.name: (
            hints[field.name],
            field.default is not missing or field.default_factory is not missing,
            _reader(hints[field.name]),
        )
        for field in dataclasses.fields(cls)
    }


def build(cls: type[_T], content: Any, where: str) -> _T:
    """Return an instance of a dataclass, and of those within it, from what JSON holds of it.

    Args:
        cls: a dataclass whose annotations are its fields' types: str, int, float, bool, Any, Literal, tuple, dict,
            unions, and further such dataclasses.
        content: an object with a key for each field; a field with a default may be absent.
        where: names the file, for messages.

    Raises:
        FerBenchError: not an object, an unknown key, a missing field, or a value of another type.
    """
    if not isinstance(content, dict):
        raise FerBenchError(f"{where}: expected an object with the fields of {cls.__name__}")
    fields = _fields_of(typing.cast(Any, cls))  # mypy: a class is not known to be hashable
    if not content.keys() <= fields.keys():
        unknown = next(key for key in content if key not in fields)
        raise FerBenchError(f"{where}: unknown field {unknown!r}")
    values = {}
    for name, (hint, optional, read) in fields.items():
        if name not in content:
            if not optional:
                raise FerBenchError(f"{where}: field {name!r} is missing")
            continue
        try:
            values[name] = read(content[name], f"{where}: {name}")
        except _MismatchError as error:
            found = repr(content[name])
            raise FerBenchError(f"{where}: {name} = {found[:80]}, expected {str(error) or _named(hint)}") from None
    return cls(**values)


def _reader(hint: Any) -> _Reader:
    """Return what reads a value of a type."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return lambda value, where: build(typing.cast(type[Any], hint), value, where)
    if hint is Any:
        return lambda value, where: value
    if origin is Literal:
        return lambda value, where: _require(value in arguments, value)
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin is dict:
        key, item = map(_reader, arguments)

        def read_dict(value: Any, where: str) -> Any:
            _require(isinstance(value, dict), value)
            return {key(k, where): item(v, where) for k, v in value.items()}

        return read_dict
    if origin is types.UnionType:
        if types.NoneType in arguments and len(arguments) == 2:
            present = _reader(arguments[0] if arguments[1] is types.NoneType else arguments[1])
            return lambda value, where: None if value is None else present(value, where)
        return lambda value, where: _require(any(_fits(kind, value) for kind in arguments), value)
    if hint is str:
        return _text
    if hint is float:
        # Neither Python's NaN and Infinity, which JSON does not have, nor an integer beyond what a float holds.
        return lambda value, where: float(_require(_fits(float, value) and abs(value) <= _LARGEST, value))
    return lambda value, where: _require(_fits(hint, value), value)


def _named(hint: Any) -> str:
    """Return a type as a message names it."""
    if hint in _NAMES:
        return _NAMES[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(json.dumps, arguments))}"
    if origin is types.UnionType:
        return " or ".join(map(_named, arguments))
    return "a list" if origin is tuple else "an object"


def _text(value: Any, where: str) -> str:
    """Return a text that any terminal and any table takes: what a file holds is printed as it is."""
    text: str = _require(isinstance(value, str), value)
    if _UNFIT.search(text):
        raise _MismatchError("text in one line, without control characters")
    return text


def _tuple_reader(arguments: tuple[Any, ...]) -> _Reader:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        each = _reader(arguments[0])

        def read_many(value: Any, where: str) -> Any:
            _require(isinstance(value, list), value)
            return tuple([each(item, where) for item in value])

        return read_many
    readers = tuple(map(_reader, arguments))

    def read_exactly(value: Any, where: str) -> Any:
        _require(isinstance(value, list) and len(value) == len(readers), value)
        return tuple([read(item, where) for read, item in zip(readers, value, strict=True)])

    return read_exactly


def _fits(kind: Any, value: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _require(condition: bool, value: Any) -> Any:
    if not condition:
        raise _MismatchError
    return value
