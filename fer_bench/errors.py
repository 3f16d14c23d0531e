"""The one exception that the command line turns into a message and exit code 2, and what it says of others."""

import errno
import re

_OTHERWISE = (
    dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room or choose another folder")
    | dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "check its permissions or choose another folder")
    | dict.fromkeys((errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG), "choose another folder")
)
"""What to do about each error of the disk."""
_LONGEST = 400
"""Characters of what another package raised that are told."""
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal obeys instead of showing it, but for line ends and tabs."""


class FerBenchError(Exception):
    """Something that the user can put right.

    The message names the file or option, what was found, what was expected and what to do; the command line
    prints it without a traceback and exits with 2.
    """


class DivergedError(FerBenchError):
    """A training loss became no number: the recipe's fault, which the same run would only repeat."""


def first_line(error: BaseException, otherwise: str = "") -> str:
    """Return the first line of what another package raised, which may go on for pages.

    Args:
        error: what was raised.
        otherwise: returned where it says nothing; without that its type.
    """
    line = (str(error).strip().splitlines() or [otherwise or type(error).__name__])[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def number_of(count: int, what: str) -> str:
    """Return a number of things, of which one is called ``what``, as a message can show it."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def harmless(text: str) -> str:
    """Return a text as a terminal can show it: the control characters that a file's content may hold are escaped."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def reason_of(error: BaseException) -> str:
    """Return in one line of what type an error is and what it says."""
    return f"{type(error).__name__}: {first_line(error, 'without a message')}"


def storage_message(error: OSError) -> str | None:
    """Return one line for a disk that is full, too small for the file or not writable; ``None`` for other errors."""
    if error.errno not in _OTHERWISE:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return (
        f"{where}{error.strerror}; nothing half-written is left, finished work is kept: "
        f"{_OTHERWISE[error.errno]}, then the same command continues"
    )
