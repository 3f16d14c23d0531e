"""``python -m fer_bench`` is ``fer-bench``: both begin here."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C is one message from the first moment on, while the commands are still imported."""
    try:
        from fer_bench.cli import main as run
    except KeyboardInterrupt:
        print("fer-bench: interrupted; nothing was begun", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
