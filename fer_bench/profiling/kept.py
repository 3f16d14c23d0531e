"""What a new measuring session would remove from earlier ones: a model's profile belongs to one session only."""

import shlex
from collections.abc import Iterable, Sequence

from fer_bench.errors import FerBenchError
from fer_bench.external.model import external_names, load_external
from fer_bench.models import model_card, model_names
from fer_bench.records import ProfileRecord, path_of
from fer_bench.workspace import Workspace


def touched(profiles: Iterable[ProfileRecord], models: Sequence[str], backend: str) -> list[ProfileRecord]:
    """Return all profiles of the sessions that hold a profile of ``models`` on this backend."""
    known = [profile for profile in profiles if profile.backend == backend]
    sessions = {profile.session for profile in known if profile.model in models}
    return [profile for profile in known if profile.session in sessions]


def gone(workspace: Workspace, profiles: Iterable[ProfileRecord]) -> list[ProfileRecord]:
    """Return those of some profiles whose model can be measured no more: an external one that was removed, or one of a
    package that is not installed now."""
    known = {*model_names(), *external_names(workspace)}
    return [profile for profile in profiles if profile.model not in known]


def require_there(workspace: Workspace, profiles: Iterable[ProfileRecord], models: Sequence[str], backend: str) -> None:
    """Refuse a session that would take the place of an earlier one with a model that can be measured no more.

    Args:
        workspace: that has the profiles.
        profiles: the existing ones.
        models: of the new session.
        backend: of the new session.

    Raises:
        FerBenchError: names the models, and the records to remove; or one is there and damaged.
    """
    before = touched(profiles, models, backend)
    lost = gone(workspace, before)
    if lost:
        again = dict.fromkeys(profile.model for profile in before if profile.model in models)
        paths = " and ".join(str(path_of(workspace.results.records, profile)) for profile in lost)
        raise FerBenchError(
            f"{', '.join(profile.model for profile in lost)}: profiled together with {', '.join(again)} before, and no "
            f"model now; add it again (fer-bench add-onnx, or install the package that offers it), or remove {paths} "
            "to give that comparison up"
        )
    for profile in before:
        if profile.external:
            load_external(workspace, profile.model)
        else:
            model_card(profile.model)


def require_whole(
    profiles: Iterable[ProfileRecord],
    models: Sequence[str],
    runtimes: Sequence[str],
    backend: str,
    where: Sequence[str],
) -> None:
    """Refuse a session that would remove a model, or times, from an earlier one.

    Times are compared within one session only. If one model of a session is measured again alone, or in fewer
    runtimes, the session can no longer fill a table, and the replaced samples are lost.

    Args:
        profiles: the existing ones.
        models: of the new session.
        runtimes: of the new session.
        backend: of the new session.
        where: words that name the workspace, for the command in the message.

    Raises:
        FerBenchError: names the models and runtimes to measure together.
    """
    before = touched(profiles, models, backend)
    others = dict.fromkeys(profile.model for profile in before if profile.model not in models)
    timed = (runtime for profile in before for runtime, calls in profile.latency.items() if calls)
    fewer = dict.fromkeys(runtime for runtime in timed if runtime not in runtimes)
    if not others and not fewer:
        return
    again = [name for name in models if any(name == profile.model for profile in before)]
    lost = [f"the comparison with {', '.join(others)}"] * bool(others)
    lost += [f"the times in {', '.join(fewer)}"] * bool(fewer)
    whole = ["fer-bench", "profile"]
    whole += [word for name in (*models, *others) for word in ("--model", name)]
    whole += [word for name in (*runtimes, *fewer) for word in ("--runtime", name)]
    command = shlex.join([*whole, *where])
    raise FerBenchError(
        f"{', '.join(again)} {'was' if len(again) == 1 else 'were'} profiled before, and this session would replace "
        f"{' and '.join(lost)}; measure all together ({command}), measure in another "
        "--workspace, or add --replace to give those up"
    )
