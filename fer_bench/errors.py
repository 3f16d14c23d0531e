"""The one exception that the command line turns into a message and exit code 2."""


class FerBenchError(Exception):
    """Something that the user can put right.

    The message names the file or option, what was found, what was expected and what to do; the command line
    prints it without a traceback and exits with 2.
    """


class DivergedError(FerBenchError):
    """A training loss became no number: the recipe's fault, which the same run would only repeat."""
