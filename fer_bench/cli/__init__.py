"""The command line: a command parses, imports what it needs, calls one function.

Nothing heavy is imported before a command runs: ``fer-bench --help`` needs typer and rich only.
"""

import codecs
import io
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn, cast

import typer

from fer_bench import __version__, interrupt
from fer_bench.cli import (
    ablating,
    adding,
    anova,
    architecture,
    auditing,
    checking,
    cleaning,
    comparing,
    data,
    explaining,
    exporting,
    helping,
    inspecting,
    leaderboard,
    listing,
    looking,
    planning,
    predicting,
    profiling,
    results,
    robustness,
    runs,
    testing,
    tuning,
    web_demo,
)
from fer_bench.cli.frame import QuietOption, VerboseOption, begin, frame
from fer_bench.errors import FerBenchError, harmless, storage_message
from fer_bench.verbosity import level

DATASETS, TRAINING, MODELS, RESULTS = "Datasets", "Training and testing", "Models", "Results"
PAPER, HOUSEKEEPING = "The paper's numbers", "Housekeeping"
EPILOGS = {"anova": anova.EPILOG}

INTERRUPTED = 130
"""Exit code of a run that Ctrl-C ended."""

CONTINUING = ("run-all", "train", "evaluate", "cross-test", "robustness", "tune", "ablate")
"""Commands that keep the work done before Ctrl-C, and continue there when they are given again."""
NOTHING_LEFT = "nothing half-written is left, the same command begins again"
"""What Ctrl-C leaves of any other command, for its last message."""

_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])
"""click's UsageError, which Typer does not export: newer versions bring a click of their own, older ones import it."""

app = typer.Typer(
    name="fer-bench",
    help="Benchmark lightweight CNNs for facial emotion recognition on FER-2013, RAF-DB, AffectNet and CK+.\n\n"
    "Try it on synthetic faces: [bold]fer-bench run-all[/bold]",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: tuple[tuple[str, str, Callable[..., None] | typer.Typer], ...] = (
    ("datasets", DATASETS, listing.datasets),
    ("models", MODELS, listing.models),
    ("synthesize", DATASETS, data.synthesize),
    ("prepare", DATASETS, data.prepare),
    ("architecture", MODELS, architecture.architecture),
    ("inspect", DATASETS, inspecting.inspect),
    ("audit", DATASETS, looking.audit),
    ("show", DATASETS, looking.show),
    ("train", TRAINING, runs.train),
    ("evaluate", TRAINING, testing.evaluate),
    ("cross-test", TRAINING, testing.cross_test),
    ("robustness", TRAINING, robustness.robustness),
    ("profile", MODELS, profiling.profile),
    ("run-all", TRAINING, runs.run_all),
    ("tune", TRAINING, tuning.tune),
    ("anova", RESULTS, anova.anova),
    ("tables", RESULTS, results.tables),
    ("figures", RESULTS, results.figures),
    ("report", RESULTS, results.report),
    ("publish", RESULTS, results.publish),
    ("export", MODELS, exporting.export),
    ("check-model", MODELS, checking.check_model),
    ("add-onnx", MODELS, adding.add_onnx),
    ("predict", MODELS, predicting.predict),
    ("web-demo", MODELS, web_demo.web_demo),
    ("explain", MODELS, explaining.explain),
    ("compare", RESULTS, comparing.compare),
    ("leaderboard", RESULTS, leaderboard.leaderboard),
    ("audit-matrix", PAPER, auditing.audit_matrix),
    ("audit-paper", PAPER, auditing.audit_paper),
    ("status", HOUSEKEEPING, planning.status),
    ("grid", HOUSEKEEPING, planning.grid),
    ("clean", HOUSEKEEPING, cleaning.clean),
    ("help", HOUSEKEEPING, helping.show_help),
    ("doctor", HOUSEKEEPING, looking.doctor),
    ("ablate", TRAINING, ablating.ablate),
)
"""Name, panel of ``fer-bench --help``, and function of every command; groups of commands last, as they are shown."""

for name, panel, command in COMMANDS:
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, rich_help_panel=panel)
    else:
        app.command(name, rich_help_panel=panel, epilog=EPILOGS.get(name))(command)
frame(app)


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"fer-bench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    begin(quiet, verbose)


def main() -> None:
    """Run the command line; a mistake, in the input or the usage, becomes one message and exit code 2."""
    _settle()
    try:
        # The name also as `python -m fer_bench`: usage, and what completion asks for.
        with interrupt.listening():
            code = app(prog_name="fer-bench", standalone_mode=False)
    except (FerBenchError, OSError) as error:
        message = storage_message(error) if isinstance(error, OSError) else str(error)
        if message is None:
            raise
        if level() == "verbose":
            traceback.print_exc()
        _stop(message, 2)
    except ImportError as error:
        if level() == "verbose":
            traceback.print_exc()
        # The doctor, too, needs some of them.
        more = "" if _command() == "doctor" else "; to see what is missing run fer-bench doctor"
        _stop(
            f"{error}: fer-bench or a package that it uses is not installed whole in {sys.prefix}. Install it again as "
            f"you did at first, after an update of it too{more}",
            2,
        )
    except _UsageError as error:
        # Without a command its help has been shown.
        if type(error).__name__ != "NoArgsIsHelpError":
            message = error.format_message()
            command = error.ctx.command_path if error.ctx else "fer-bench"
            _stop(f"{message}{'' if message[-1] in '.?' else '.'} See {command} --help", error.exit_code)
        sys.exit(error.exit_code)
    except typer.Abort:
        _stop("not confirmed; nothing was done", 1)
    except KeyboardInterrupt:  # While Typer made the command; once it runs, it turns Ctrl-C into a code.
        _stop("interrupted; nothing was begun", INTERRUPTED)
    if code == INTERRUPTED:
        # Typer turns Ctrl-C into this code, without a message.
        left = "finished work is kept, the same command continues" if _command() in CONTINUING else NOTHING_LEFT
        _stop(f"interrupted; {left}", INTERRUPTED)
    sys.exit(code)


def _command() -> str:
    """Return the command on the command line: the first word that is no option, empty where there is none."""
    return next((word for word in sys.argv[1:] if not word.startswith("-")), "")


def _settle() -> None:
    """Set the environment and the standard streams to what the libraries expect, wherever the command is run."""
    # A notebook names a matplotlib backend that only its own process may have, and Keras imports matplotlib. No command
    # opens a window.
    os.environ["MPLBACKEND"] = "agg"
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # A stream that was closed by the caller (`>&-`, some services) is opened anew on /dev/null. In this order each
        # gets its own descriptor, 0 to 2. Otherwise the next file that is opened would get it, here or in a process
        # that is started, and what libraries print would end in that file.
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(nowhere, True)
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8", errors="backslashreplace"))
    # A file's name need not be UTF-8, and a locale need not have the characters of the tables.
    if isinstance(sys.stdout, io.TextIOWrapper) and (
        sys.stdout.errors == "strict" or codecs.lookup(sys.stdout.encoding).name != "utf-8"
    ):
        sys.stdout.reconfigure(errors="backslashreplace")


def _stop(message: str, code: int) -> NoReturn:
    print(f"fer-bench: {harmless(message)}", file=sys.stderr)
    sys.exit(code)
