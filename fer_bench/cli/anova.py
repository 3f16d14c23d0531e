"""The command ``anova``: which models differ in inference time, in every form, and which form to believe."""

import dataclasses
import errno
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_bench.anova_result import ALPHA, RULES, RankPair
from fer_bench.cli.options import DEFAULT_WORKSPACE, JsonOption, LocalByDefault, WorkspaceOption, is_local, is_written
from fer_bench.cli.printing import print_json, print_table
from fer_bench.errors import FerBenchError
from fer_bench.p_values import p_cell, p_text

if TYPE_CHECKING:
    from fer_bench.anova_result import (
        AnovaResult,
        Assumptions,
        Family,
        Outcome,
        PairDifference,
        RepeatedMeasures,
    )
    from fer_bench.records import StatisticsRecord
    from fer_bench.workspace import Results

EPILOG = "Which to believe: the first that applies of these.\n\n" + "\n\n".join(
    f"{number}. {rule}." for number, rule in enumerate(RULES, start=1)
)

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
"""What a workspace answers that must not be written to."""
_JSON_KEYS = (
    "f",
    "p",
    "df",
    "n",
    "mean",
    "sd",
    "alpha",
    "replicate",
    "pairs",
    "assumptions",
    "welch",
    "games_howell",
    "kruskal",
    "dunn",
    "repeated_measures",
    "effect",
    "within_process",
    "refused",
    "recommended",
)


def anova(
    context: typer.Context,
    from_summary: Annotated[
        bool,
        typer.Option("--from-summary", help="Use the means, deviations and N = 50 of the paper's Table 6 instead."),
    ] = False,
    runtime: Annotated[str, typer.Option(help="Runtime whose times are compared.")] = "keras-predict",
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Significance level of the tests.")] = ALPHA,
    paper_models: Annotated[
        bool,
        typer.Option(
            "--paper-models",
            help="Show the paper's models compared alone, as in their rows of Table 7, where others were measured too.",
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; exit 1 if the published statistics, or with --local the workspace's, are not what"
            " the profiles give.",
        ),
    ] = False,
    local: LocalByDefault = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """ANOVA and post-hoc tests over the inference times of one profile, and which result to believe.

    One-way ANOVA with Tukey's HSD (the paper does not name its post-hoc test); then its assumptions, Welch with
    Games-Howell, Kruskal-Wallis with Dunn, repeated measures over the blocks in which the models took turns, and
    effect sizes. Of several profiles the latest, or the one whose session selection.toml names for the tables.
    Post-hoc tests correct for all pairs that are compared, so the paper's models are compared alone as well.

    Example: fer-bench anova --from-summary
    """
    from fer_bench import session_anova
    from fer_bench.workspace import PUBLISHED, Workspace

    given = is_written(context, "workspace")
    own = is_local(context, local, default=not check)  # What a build checks is what is published.
    if from_summary and (check or local is not None):
        raise FerBenchError(
            "--from-summary uses the paper's Table 6 and saves nothing; leave out --check, --local and --published"
        )
    if check and (json or is_written(context, "alpha")):
        raise FerBenchError(
            "--check goes through every statistics record at its own alpha: leave out --json and --alpha"
        )
    if paper_models and (from_summary or check):
        raise FerBenchError("--paper-models says what of a profile is shown: leave out --from-summary and --check")
    if from_summary and (given or is_written(context, "runtime")):
        raise FerBenchError("--from-summary uses the paper's Table 6: leave out --runtime and --workspace")
    place = Workspace(workspace)
    if check:
        _check(place.results if own else PUBLISHED, runtime, place.option if own else ["--published"])
        return
    found: dict[Family, StatisticsRecord] = {}
    result: AnovaResult
    if from_summary:
        result, title = _of_the_paper(alpha), "the paper's Table 6 (N = 50)"
    elif not own:
        found, title = session_anova.anova(PUBLISHED, runtime, alpha), f"{runtime}, published profiles"
    else:
        if not workspace.is_dir():
            raise FerBenchError(
                f"{workspace}: no such workspace; run fer-bench profile first, or name another one with --workspace"
            )
        try:
            with place.lock():
                found = session_anova.anova(place.results, runtime, alpha)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            # Of somebody else, or on a disk that is only read: what is saved there already needs no lock.
            found = session_anova.anova(place.results, runtime, alpha)
        title = f"{runtime}, {place.root}"
    if found:
        result = session_anova.of_the_paper(found) if paper_models else found["session"]
    if json:
        content = dataclasses.asdict(result)
        print_json({key: content[key] for key in _JSON_KEYS})
        return
    _print(result, title)
    if "paper" in found and not paper_models:
        typer.echo("The paper's models alone, as in their rows of Table 7: --paper-models.")


def _check(results: "Results", runtime: str, where: Sequence[str]) -> None:
    from fer_bench import session_anova

    stale = session_anova.stale_statistics(results, runtime)
    if stale:
        again = []
        for item in stale:
            for line in item.lines:
                typer.echo(line)
            level = [] if item.alpha == ALPHA else ["--alpha", str(item.alpha)]
            again.append(shlex.join(["fer-bench", "anova", *where, "--runtime", item.runtime, *level]))
        typer.echo(f"{results.records}: statistics are not what the profiles give; run {' && '.join(again)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{results.records}: statistics as the profiles give them")


def _of_the_paper(alpha: float) -> "AnovaResult":
    from fer_bench import paper
    from fer_bench.statistics import analyse_summary

    summary = paper.TABLE6
    return analyse_summary(
        {name: summary[name].mean_s for name in paper.MODELS},
        {name: summary[name].sd_s for name in paper.MODELS},
        dict.fromkeys(paper.MODELS, paper.TABLE6_N),
        alpha=alpha,
    )


def _print(result: "AnovaResult", title: str) -> None:
    sizes = sorted(set(result.n.values()))
    what = "processes" if result.replicate == "process" else "calls of one process, descriptive"
    typer.echo(
        f"One-way ANOVA, {title}: {_f(result.f, result.df, result.p)}. "
        f"Replicates: {' to '.join(map(str, {sizes[0]: 0, sizes[-1]: 0}))} {what}."
    )
    level = f"{100 * (1 - result.alpha):g} % interval, s"
    print_table(
        f"Tukey's HSD, family-wise alpha {result.alpha:g} (* significant)",
        (
            "model",
            "compared with",
            "mean difference, s",
            level,
            "adjusted p",
            "g",
        ),
        _tukey_rows(result),
        numbers=4,
    )
    print_table("Every form", ("form", "result", "significant pairs, slower > faster"), _form_rows(result))
    _print_believed(result, level)
    if result.assumptions:
        print_table(
            "Assumptions of one-way ANOVA",
            ("assumption", "tests", "verdict"),
            _assumption_rows(result, result.assumptions),
        )
    if result.effect:
        typer.echo(f"Effect: eta² {result.effect.eta_squared:.3f}, omega² {result.effect.omega_squared:.3f}.")
    for name, why in result.refused.items():
        typer.echo(f"Not computed, {name.replace('_', ' ')}: {why}.")
    if result.recommended:
        typer.echo(result.recommended.sentence)
    if result.taken_for_granted:
        typer.echo(result.taken_for_granted)


def _print_believed(result: "AnovaResult", level: str) -> None:
    """Print the pairs of the form to believe, each once, where it is another one than the paper's."""
    form = result.recommended.form if result.recommended else "none"
    once = [pair for pair in result.believed if result.models.index(pair.a) < result.models.index(pair.b)]
    if form == "anova" or not once:
        return
    if form == "kruskal":
        title, ends = "Dunn's test (p by Holm)", ("mean ranks apart", "z")
    elif form == "welch":
        title, ends = "Games-Howell", ("mean difference, s", level)
    else:
        title, ends = "paired t (p by Holm, intervals by Bonferroni, which are wider)", ("mean difference, s", level)
    print_table(
        f"The form to believe: {title} (* significant)",
        ("model", "compared with", *ends, "adjusted p"),
        [_believed_row(pair) for pair in once],
        numbers=3,
    )


def _believed_row(pair: "PairDifference | RankPair") -> Sequence[str]:
    star = "*" if pair.significant else " "
    if isinstance(pair, RankPair):
        return pair.a, pair.b, f"{pair.difference:+.1f}{star}", f"{pair.z:+.2f}", p_cell(pair.p)
    low, high = pair.ci
    return pair.a, pair.b, f"{pair.difference:+.4f}{star}", f"{low:+.4f} to {high:+.4f}", p_cell(pair.p)


def _tukey_rows(result: "AnovaResult") -> Iterator[Sequence[str]]:
    effects = {(pair.a, pair.b): pair.hedges_g for pair in result.effect.pairs} if result.effect else {}
    for pair in result.pairs:
        g = effects.get((pair.a, pair.b))
        yield (
            pair.a,
            pair.b,
            f"{pair.difference:+.4f}{'*' if pair.significant else ' '}",
            f"{pair.ci[0]:+.4f} to {pair.ci[1]:+.4f}",
            p_cell(pair.p),
            "–" if g is None else f"{g:+.2f}",
        )


def _form_rows(result: "AnovaResult") -> Iterator[Sequence[str]]:
    yield "one-way ANOVA, Tukey", _f(result.f, result.df, result.p), _significant(result.pairs)
    if result.welch and result.games_howell is not None:
        welch = result.welch
        yield "Welch, Games-Howell", _f(welch.f, welch.df, welch.p), _significant(result.games_howell)
    if result.kruskal and result.dunn is not None:
        found = f"H({result.kruskal.df}) = {result.kruskal.h:.2f}, p {p_text(result.kruskal.p)}"
        yield "Kruskal-Wallis, Dunn (Holm)", found, _significant(result.dunn)
    if result.repeated_measures:
        found = _within_blocks(result.repeated_measures)
        yield "repeated measures, paired t (Holm)", found, _significant(result.repeated_measures.pairs)
    if result.within_process:
        within = result.within_process
        name = f"descriptive: calls of process {within.process}, Tukey"
        yield name, _f(within.f, within.df, within.p), _significant(within.pairs)


def _within_blocks(found: "RepeatedMeasures") -> str:
    # With two models there is nothing to correct.
    corrected = f", Greenhouse-Geisser {found.epsilon:.2f}: p {p_text(found.p_corrected)}" if found.df[0] > 1 else ""
    what = "processes" if found.block == "process" else "blocks"
    return f"{_f(found.f, found.df, found.p)}{corrected}; {found.blocks} {what}"


def _assumption_rows(result: "AnovaResult", found: "Assumptions") -> Iterator[Sequence[str]]:
    ratio = "" if found.variance_ratio is None else f"ratio {found.variance_ratio:.1f}; "
    variances = (("Brown-Forsythe", found.brown_forsythe), ("Levene", found.levene), ("Bartlett", found.bartlett))
    yield "equal variances", ratio + _tests(variances), _verdict(found.equal_variances)
    least = min(found.normality.values(), key=lambda test: test.p, default=None)
    normal = (("Shapiro-Wilk, residuals", found.residuals), ("least normal model", least))
    yield "normal residuals", _tests(normal), _verdict(found.normal)
    parts = [
        f"{model} lag 1 {item.lag1:+.2f} ({item.ci[0]:+.2f} to {item.ci[1]:+.2f}), "
        f"Ljung-Box p {p_text(item.ljung_box.p)}"
        for model, item in found.autocorrelation.items()
    ]
    if result.repeated_measures:
        parts.append(_tests((("blocks", result.repeated_measures.block_effect),)))
    yield "independence", "; ".join(parts) or "not tested", _verdict(found.independent)


def _tests(named: "Sequence[tuple[str, Outcome | None]]") -> str:
    return ", ".join(f"{name} p {p_text(test.p)}" for name, test in named if test) or "not tested"


def _verdict(holds: bool | None) -> str:
    return "–" if holds is None else "not rejected" if holds else "rejected"


def _significant(pairs: "Sequence[PairDifference | RankPair]") -> str:
    """Return the significant pairs, each once, the larger first."""
    found = [f"{pair.a} > {pair.b}" for pair in pairs if pair.significant and pair.difference > 0]
    return ", ".join(found) or "none"


def _f(f: float, df: Sequence[Any], p: float) -> str:
    return f"F({df[0]:.4g}, {df[1]:.4g}) = {f:.2f}, p {p_text(p)}"
