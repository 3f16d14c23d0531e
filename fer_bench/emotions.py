"""The seven classes of the paper, their order, and the names and codes that datasets give them.

Source: paper, section III-B and the column order of Tables 8 and 9.
"""

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""Class names; the position is the class index used everywhere inside fer-bench."""

ANGRY, DISGUST, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE = range(7)

CONTEMPT = "contempt"
"""The eighth class of AffectNet-8 and CK+, outside the paper's seven."""

_ALIASES: dict[str, str] = {
    "angry": "angry",
    "anger": "angry",
    "disgust": "disgust",
    "disgusted": "disgust",
    "fear": "fear",
    "fearful": "fear",
    "afraid": "fear",
    "happy": "happy",
    "happiness": "happy",
    "joy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "sadness": "sad",
    "surprise": "surprise",
    "surprised": "surprise",
}


def index_of_name(name: str) -> int | None:
    """Return the class index of an emotion's name or usual synonym, any case; ``None`` where it is not one.

    >>> index_of_name("Happiness")
    3
    """
    emotion = _ALIASES.get(name.strip().lower())
    return None if emotion is None else EMOTIONS.index(emotion)


def code_of(cell: str) -> str:
    """Return the code that a table's cell means: pandas writes 3 as 3.0 where a cell of the column was once empty.

    >>> code_of(" 3.0")
    '3'
    """
    return cell.strip().removesuffix(".0")
