"""Groups of records that may form a block of a table: what its records have in common, and the choice of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from fer_bench.errors import FerBenchError
from fer_bench.records import EvalRecord, ProfileRecord, RobustnessRecord, TrainRecord
from fer_bench.selection.choices import Choice, Selection, toml_lines
from fer_bench.selection.evidence import in_order

Grouped = TrainRecord | EvalRecord | RobustnessRecord | ProfileRecord


@dataclass(frozen=True, order=True)
class Group:
    """What the records of a block have in common; only the fields of its kind are filled."""

    recipe: str = ""
    backend: str = ""
    fingerprint: str = ""
    session: str = ""
    machine: str = ""
    """Host, image size and classes of a latency measurement."""

    def matches(self, choice: Choice) -> bool:
        """Return whether a choice leaves this group."""
        return (
            choice.recipe in (None, self.recipe)
            and choice.backend in (None, self.backend)
            and choice.session in (None, self.session)
            and self.fingerprint.startswith(choice.fingerprint or "")
        )

    def describe(self) -> str:
        """Return its fields for messages."""
        known = {"session": self.session, "recipe": self.recipe, "backend": self.backend}
        known |= {"dataset": self.fingerprint[:12], "measured on": self.machine}
        return ", ".join(f"{name} {value}" for name, value in known.items() if value)

    def choice(self, others: Iterable["Group"]) -> Choice:
        """Return the shortest choice that tells this group from ``others``."""
        choice = Choice(session=self.session) if self.session else Choice(recipe=self.recipe)
        rivals = [other for other in others if other != self and other.matches(choice)]
        if any(other.backend != self.backend for other in rivals):
            choice = replace(choice, backend=self.backend)
            rivals = [other for other in rivals if other.matches(choice)]
        if any(other.fingerprint != self.fingerprint for other in rivals):
            choice = replace(choice, fingerprint=self.fingerprint)
        return choice


def group_of(record: Grouped) -> Group:
    """Return the group that a record belongs to."""
    if isinstance(record, ProfileRecord):
        machine = f"host {record.environment.host}, {record.image_size} px, {record.classes} classes"
        return Group(backend=record.backend, session=record.session, machine=machine)
    return Group(recipe=record.recipe, backend=record.backend, fingerprint=record.dataset_fingerprint)


def contents(found: Iterable[Grouped]) -> dict[Group, str]:
    """Return the groups of records, each with the names of its models."""
    models: dict[Group, set[str]] = {}
    for record in found:
        models.setdefault(group_of(record), set()).add(record.model)
    return {group: ", ".join(in_order(names)) for group, names in models.items()}


def choose_group(name: str, groups: Mapping[Group, str], selection: Selection) -> Group | None:
    """Return the one group that the selection leaves, ``None`` where there are no records and nothing is selected.

    ``groups`` maps a group to what it holds, for messages.
    """
    choice = selection.choices.get(name)
    left = [group for group in sorted(groups) if choice is None or group.matches(choice)]
    if not groups and choice is None:
        return None
    listed = "".join(f"\n  {group.describe()}: {groups[group]}" for group in sorted(groups))
    if not left:
        raise FerBenchError(
            f"{selection.path}: [{name}] matches no record. Found:{listed or ' none'}\nCorrect it or remove it."
        )
    if len(left) == 1:
        return left[0]
    options = [group.choice(left) for group in left]
    if any(other in options[:i] for i, other in enumerate(options)):
        raise FerBenchError(
            f"{name}: one session holds measurements that cannot be compared:{listed}\n"
            "Run `fer-bench profile` again for all models."
        )
    lines = "\nor\n".join("\n".join(f"  {line}" for line in toml_lines(name, option)) for option in options)
    raise FerBenchError(
        f"{name}: {len(left)} groups of records could form its rows, and no table may mix them:{listed}\n"
        f"Choose one: write into {selection.path}\n{lines}"
    )
