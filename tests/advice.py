"""What a message advises, followed as by a user who pastes it."""

import shlex

from typer.testing import CliRunner

from fer_bench.cli import app


def commands(message: str) -> list[list[str]]:
    """Return the commands that a message ends with, each as its words without the program."""
    _, found, advice = message.strip().rpartition("run fer-bench ")
    assert found, message
    return [shlex.split(command.removeprefix("fer-bench ")) for command in advice.split(" && ")]


def follow(message: str) -> None:
    """Run the commands that a message ends with; each must succeed."""
    for command in commands(message):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, (command, result.exception, result.output)
