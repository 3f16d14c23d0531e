"""Plain text and numbers as LaTeX source that prints them as they are."""

import re

from fer_bench.render.text import plain

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "–": "--",
    "†": r"\textdagger{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
}
_MINUS = re.compile(r"(?:^|(?<= to ))-(?=[0-9])")
"""What LaTeX would take for markup, and what it has under another name."""
_TRANSLATION = str.maketrans({**_SPECIAL, "\x00": "{}"})
_UNKNOWN = frozenset("¸ĦħĸĿŀŉŦŧſ")
"""Characters below U+0180 that neither of the font encodings T1 and TS1 has."""


def escape(text: str) -> str:
    """Return ``text`` so that LaTeX prints it as it is; a character that T1 fonts lack prints as its code."""
    # Two hyphens, commas or apostrophes in a row would become one character.
    apart = re.sub(r"([-,'])(?=\1)", "\\1\x00", plain(text))
    if not apart.isascii():
        apart = "".join(c if _is_known(c) else f"[U+{ord(c):04X}]" for c in apart)
    return apart.translate(_TRANSLATION)


def _is_known(character: str) -> bool:
    return character in _SPECIAL or (ord(character) < 0x180 and character not in _UNKNOWN)


def bold(text: str) -> str:
    """Return escaped text in bold; a sign in mathematical mode, such as a minus, stays as it is."""
    return rf"\textbf{{{text}}}"


def number_or_text(text: str) -> str:
    r"""Return the escaped text of a cell; a hyphen before a digit, at its start or behind "to", becomes a minus sign.

    A cell may be the first of its row: there a bracket or an asterisk would be taken for an argument of the ``\\`` that
    ends the row above, so an empty group is put before it.
    """
    found = _MINUS.sub("$-$", escape(text))
    return "{}" + found if found.startswith(("[", "*")) else found
