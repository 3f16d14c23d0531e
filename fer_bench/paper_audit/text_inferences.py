"""What the text says about its method, and what it concludes from the tables as a whole."""

from collections.abc import Iterator
from itertools import combinations

from fer_bench import paper
from fer_bench.datasets import dataset_card
from fer_bench.emotions import EMOTIONS
from fer_bench.paper_audit.claims import CLOSE, recall
from fer_bench.paper_audit.findings import Finding, Verdict, listed

_MOBILE, _CLCM, _SHUFFLE = paper.MODELS
_TITLES = paper.MODEL_TITLES


def inference_findings() -> Iterator[Finding]:
    """Yield the findings."""
    yield from _protocol()
    yield _larger_images()
    yield _on_ck_plus()
    yield _similar_findings()
    yield _close_in_both()
    yield _every_class()
    yield _better_than_many()
    yield from _citations()


def _protocol() -> Iterator[Finding]:
    yield Finding(
        where="section IV-A, section IV-B",
        claim='"adding slightly modified copies of existing data"; "the training sets were kept constant in their '
        'original number"; "80% train, 20% validation"',
        evidence="Added copies make a training set larger, and a validation set taken from it makes it smaller. The "
        "text does not say whether copies were added or each image was changed anew in every epoch.",
        verdict=Verdict.DOUBTFUL,
        read=True,
    )
    yield Finding(
        where="section III-A-3",
        model=_CLCM,
        claim='"a trained model on a sufficiently large and heterogeneous dataset"; "the original weights of the '
        'frozen layers are preserved"',
        evidence="The dataset is not named. Keras' weights of MobileNetV2 are ImageNet's. What the other two models "
        "start from is not said.",
        verdict=Verdict.DOUBTFUL,
        read=True,
    )
    yield Finding(
        where="section IV-B, section VI",
        model=_SHUFFLE,
        claim='The hyperparameters "produced the best performance for all models"; they "were not optimal for that '
        'architecture"',
        evidence="The second is said of ShuffleNetV2, which overfits. Both hold only where every other setting that "
        "was tried was worse still; no results of the search are given.",
        verdict=Verdict.DOUBTFUL,
        read=True,
    )


def _larger_images() -> Finding:
    by_size = sorted(paper.TRAINED_ON, key=lambda name: dataset_card(name).size)
    leads = {
        rival: [paper.TABLE4[dataset][_CLCM] - paper.TABLE4[dataset][rival] for dataset in by_size]
        for rival in (_MOBILE, _SHUFFLE)
    }
    sizes = [" × ".join(map(str, dataset_card(name).size)) for name in by_size[:-1]] + ["larger"]
    where = [f"{paper.DATASET_TITLES[name]} ({size})" for name, size in zip(by_size, sizes, strict=True)]
    parts = [f"over {_TITLES[rival]} by {listed([f'{lead:+d}' for lead in values])}" for rival, values in leads.items()]
    falls = all(values == sorted(values, reverse=True) for values in leads.values())
    return Finding(
        where="section VI, Table 4",
        claim='"MobileNetV2 and ShuffleNetV2 have a slight performance advantage over CLCM with datasets containing '
        'larger images"',
        evidence=f"On {listed(where)} CLCM leads {', '.join(parts)} points. "
        + ("Its lead falls as images grow." if falls else "Its lead does not fall as images grow.")
        + " All are resized to 224 × 224.",
        verdict=Verdict.CONSISTENT if falls else Verdict.DOUBTFUL,
    )


def _on_ck_plus() -> Finding:
    values = {model: [paper.TABLE5[dataset][model] for dataset in paper.TRAINED_ON] for model in paper.MODELS}
    apart = {model: max(row) - min(row) for model, row in values.items()}
    least = min(apart, key=apart.__getitem__)
    others = [f"{_TITLES[model]}'s {apart[model]}" for model in paper.MODELS if model != _CLCM]
    return Finding(
        where="section VI, Table 5",
        dataset="ck-plus",
        model=_CLCM,
        claim='"consistent performance of our CLCM architecture using all training datasets"',
        evidence=f"Table 5: {listed([str(value) for value in values[_CLCM]])}, {apart[_CLCM]} points apart; "
        f"{listed(others)}" + (", so that CLCM's are the nearest to each other." if least == _CLCM else "."),
        verdict=Verdict.DOUBTFUL if apart[_CLCM] >= CLOSE or least != _CLCM else Verdict.CONSISTENT,
    )


def _similar_findings() -> Finding:
    turned, pairs = [], 0
    for dataset in paper.TRAINED_ON:
        own, other = paper.TABLE4[dataset], paper.TABLE5[dataset]
        for a, b in combinations(paper.MODELS, 2):
            pairs += 1
            if (own[a] - own[b]) * (other[a] - other[b]) < 0:
                turned.append(f"{_TITLES[a]} and {_TITLES[b]} trained on {paper.DATASET_TITLES[dataset]}")
    return Finding(
        where="section V-D, Tables 4 and 5",
        dataset="ck-plus",
        claim='The results on CK+ "show considerable similarity with the other findings"',
        evidence=f"Of {pairs} pairs of models {len(turned) or 'none'} change their order from Table 4 to Table 5"
        + (f": {listed(turned)}." if turned else "."),
        verdict=Verdict.CONSISTENT if 2 * len(turned) < pairs else Verdict.CONTRADICTS,
    )


def _close_in_both() -> Finding:
    rows = {number: table["affectnet"] for number, table in ((4, paper.TABLE4), (5, paper.TABLE5))}
    apart = {number: max(row.values()) - min(row.values()) for number, row in rows.items()}
    return Finding(
        where="section VI, Tables 4 and 5",
        dataset="affectnet",
        claim='"all three models achieved close results in two test scenarios"',
        evidence=f"Points apart: {listed([f'{points} in Table {number}' for number, points in apart.items()])}.",
        verdict=Verdict.CONSISTENT if max(apart.values()) < CLOSE else Verdict.DOUBTFUL,
    )


def _every_class() -> Finding:
    worst, name, model = min((recall(8, "affectnet", m, e), e, m) for m in paper.MODELS for e in EMOTIONS)
    chance = 100 / len(EMOTIONS)
    return Finding(
        where="section VI, Table 8",
        dataset="affectnet",
        claim='"all models could recognize each emotion category"',
        evidence=f"Table 8: lowest {worst} ({_TITLES[model]}, {name}); by chance {chance:.0f}.",
        verdict=Verdict.CONSISTENT if worst > chance else Verdict.DOUBTFUL,
    )


def _better_than_many() -> Finding:
    counts, worse, total = [], 0, 0
    for dataset, entries in paper.TABLE11.items():
        own = next(entry.accuracy for entry in entries if entry.model == _CLCM)
        others = [entry.accuracy for entry in entries if entry.model is None]
        below = sum(accuracy < own for accuracy in others)
        counts.append(f"{below} of {len(others)} on {paper.DATASET_TITLES[dataset]}")
        worse, total = worse + below, total + len(others)
    return Finding(
        where="section VII, Table 11",
        model=_CLCM,
        claim='"CLCM performs better than many models in the literature despite its smaller size"',
        evidence=f"Less accurate than CLCM in Table 11 are {listed(counts)}.",
        verdict=Verdict.CONSISTENT if 2 * worse > total else Verdict.DOUBTFUL,
    )


def _citations() -> Iterator[Finding]:
    yield Finding(
        where="section I, section II-B, references",
        claim='"ResNet50 [23]"; "EfficientNet b0 [52]"',
        evidence="By their titles [23] is about fully convolutional networks for semantic segmentation, and [52] about "
        "CondConv.",
        verdict=Verdict.CONTRADICTS,
        read=True,
    )
    yield Finding(
        where="Table 11, section VI, references",
        claim='"FERC [70]"; "EfficientNet lite0" [85]',
        evidence="By their titles it is [45] that is about FERC, and [3] about EfficientNet-lite.",
        verdict=Verdict.DOUBTFUL,
        read=True,
    )
