"""Texts and tables in UTF-16, as some programs save them: named as such, never read."""

import codecs

_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_LOOKED_AT = 8
"""Bytes by which it is known without a mark: four characters of ASCII."""

REASON = "is UTF-16, as some programs save texts and tables; save it as UTF-8"


def utf_16_of(start: bytes) -> str | None:
    """Return which UTF-16 the first bytes of a file are, by its mark or as ASCII in two bytes each; ``None`` if none.

    The name is one that :meth:`bytes.decode` takes.
    """
    marked = _MARKS.get(start[:2])
    if marked or len(start) < _LOOKED_AT:
        return marked
    even, odd = start[0:_LOOKED_AT:2], start[1:_LOOKED_AT:2]
    if all(even) and not any(odd):
        return "utf-16-le"
    return "utf-16-be" if all(odd) and not any(even) else None
