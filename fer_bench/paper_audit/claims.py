"""Kinds of statements that a text makes about tables; each checks itself against the published values."""

from collections.abc import Sequence
from dataclasses import dataclass

from fer_bench import paper
from fer_bench.emotions import EMOTIONS
from fer_bench.paper_audit.findings import Finding, Verdict, listed

CLOSE = 10
"""Points of accuracy from which on results are no longer "similar", "close" or "comparable"."""


@dataclass(frozen=True)
class Figures:
    """Numbers in the text that stand in a table, or are known otherwise."""

    where: str
    quote: str
    source: str
    """Where the numbers stand."""
    said: tuple[tuple[str, float, float], ...]
    """What the number is, as the text gives it, as the source has it."""
    dataset: str = ""
    model: str = ""

    def finding(self) -> Finding:
        """Compare the numbers."""
        wrong = any(said != right for _, said, right in self.said)
        values = [f"{w} {_number(r)}" + f", not {_number(s)}" * (s != r) for w, s, r in self.said]
        return Finding(
            where=self.where,
            dataset=self.dataset,
            model=self.model,
            claim=_quoted(self.quote),
            evidence=f"{self.source}: {'; '.join(values)}.",
            verdict=Verdict.CONTRADICTS if wrong else Verdict.CONSISTENT,
        )


@dataclass(frozen=True)
class Leads:
    """Models are better than others in some classes (Table 8)."""

    where: str
    quote: str
    dataset: str
    leaders: tuple[str, ...]
    others: tuple[str, ...]
    emotions: tuple[str, ...]

    def finding(self) -> Finding:
        """Compare every leader with every other model in the named classes, and look for classes left out."""
        leading = [name for name in EMOTIONS if self._leads(name)]
        wrong = [name for name in self.emotions if name not in leading]
        missed = [name for name in leading if name not in self.emotions]
        evidence = f"Table 8: {_spread(self.dataset, (*self.leaders, *self.others), wrong or self.emotions)}."
        if missed:
            evidence += f" Also ahead in {listed(missed)}, which is not said."
        return Finding(
            where=self.where,
            dataset=self.dataset,
            model=self.leaders[0] if len(self.leaders) == 1 else "",
            emotion=wrong[0] if len(wrong) == 1 else "",
            claim=_quoted(self.quote),
            evidence=evidence,
            verdict=Verdict.CONTRADICTS if wrong else Verdict.CONSISTENT,
        )

    def _leads(self, emotion: str) -> bool:
        worst = min(recall(8, self.dataset, model, emotion) for model in self.leaders)
        return worst > max(recall(8, self.dataset, model, emotion) for model in self.others)


@dataclass(frozen=True)
class Alike:
    """Models are similar in some classes (Table 8)."""

    where: str
    quote: str
    dataset: str
    models: tuple[str, ...]
    emotions: tuple[str, ...] = EMOTIONS

    def finding(self) -> Finding:
        """Look for the largest gap between the models in the named classes."""
        gaps = {}
        for name in self.emotions:
            values = [recall(8, self.dataset, model, name) for model in self.models]
            gaps[name] = max(values) - min(values)
        far = [name for name in self.emotions if gaps[name] >= CLOSE]
        widest = max(self.emotions, key=lambda name: gaps[name])
        return Finding(
            where=self.where,
            dataset=self.dataset,
            emotion=far[0] if len(far) == 1 else "",
            claim=_quoted(self.quote),
            evidence=f"Table 8: largest gap {gaps[widest]} points; "
            f"{_spread(self.dataset, self.models, far or [widest])}.",
            verdict=Verdict.DOUBTFUL if far else Verdict.CONSISTENT,
        )


@dataclass(frozen=True)
class Fails:
    """Models do badly in some classes."""

    where: str
    quote: str
    table: int
    """8 or 9."""
    dataset: str
    """Trained on."""
    models: tuple[str, ...]
    emotions: tuple[str, ...]
    at_most: int
    """Accuracy, percent, up to which the statement holds."""

    def finding(self) -> Finding:
        """Compare the named classes with the limit, and look for others that are as bad."""
        wrong, missed = False, list[str]()
        for model in self.models:
            values = {name: recall(self.table, self.dataset, model, name) for name in EMOTIONS}
            worst = max(values[name] for name in self.emotions)
            wrong |= worst > self.at_most
            missed += [
                f"{_model(model)}'s {name} ({value})"
                for name, value in values.items()
                if name not in self.emotions and value <= worst
            ]
        as_bad = f" As bad, and not named: {listed(missed)}." if missed else ""
        return Finding(
            where=self.where,
            dataset=self.dataset,
            model=self.models[0] if len(self.models) == 1 else "",
            claim=_quoted(self.quote),
            evidence=f"Table {self.table}: {_spread(self.dataset, self.models, self.emotions, self.table)}.{as_bad}",
            verdict=Verdict.CONTRADICTS if wrong else Verdict.CONSISTENT,
        )


@dataclass(frozen=True)
class Ranks:
    """CLCM is better than, or equal to, entries of Table 11."""

    where: str
    quote: str
    dataset: str
    percent: int
    """CLCM's accuracy in Tables 4 and 11."""
    better: tuple[tuple[str, str], ...]
    """Method and citation of what it is better than."""
    equal: tuple[tuple[str, str], ...] = ()

    def finding(self) -> Finding:
        """Compare the entries."""
        table = {(entry.method, entry.citation): round(100 * entry.accuracy) for entry in paper.TABLE11[self.dataset]}
        right = all(table[entry] < self.percent for entry in self.better)
        right &= all(table[entry] == self.percent for entry in self.equal)
        values = [f"{method} {table[method, citation]}" for method, citation in (*self.better, *self.equal)]
        return Finding(
            where=self.where,
            dataset=self.dataset,
            model="clcm",
            claim=_quoted(self.quote),
            evidence=f"Table 11: CLCM {self.percent}; {listed(values)}.",
            verdict=Verdict.CONSISTENT if right else Verdict.CONTRADICTS,
        )


Claim = Figures | Leads | Alike | Fails | Ranks


def overall(where: str, quote: str, table: int, dataset: str, **said: int) -> Figures:
    """Return a statement of overall accuracies, percent by model, of Table 4 (own test set) or 5 (CK+)."""
    published = {4: paper.TABLE4, 5: paper.TABLE5}[table][dataset]
    values = tuple((_model(name), float(value), float(published[name])) for name, value in said.items())
    return Figures(where, quote, f"Table {table}", values, dataset, next(iter(said)) if len(said) == 1 else "")


def literature(where: str, quote: str, **said: tuple[str, str, int]) -> Figures:
    """Return a statement of entries of Table 11: by dataset (``_`` for ``-``) its method, citation and percent."""
    values = []
    for key, (method, citation, percent) in said.items():
        dataset = key.replace("_", "-")
        table = {(entry.method, entry.citation): entry.accuracy for entry in paper.TABLE11[dataset]}
        what = f"{paper.DATASET_TITLES[dataset]}, {method} {citation}"
        values.append((what, float(percent), float(round(100 * table[method, citation]))))
    return Figures(where, quote, "Table 11", tuple(values), dataset if len(said) == 1 else "")


def recall(table: int, dataset: str, model: str, emotion: str) -> int:
    """Return a class's accuracy from the diagonal of Table 8 or 9, percent."""
    index = EMOTIONS.index(emotion)
    return {8: paper.TABLE8, 9: paper.TABLE9}[table][dataset][model][index][index]


def _spread(dataset: str, models: Sequence[str], emotions: Sequence[str], table: int = 8) -> str:
    parts = [
        f"{name}: {', '.join(f'{_model(model)} {recall(table, dataset, model, name)}' for model in models)}"
        for name in emotions
    ]
    return "; ".join(parts)


def _model(name: str) -> str:
    return paper.MODEL_TITLES[name]


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _quoted(quote: str) -> str:
    return f'"{quote}"'
