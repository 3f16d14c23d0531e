"""Small records made by hand, for the tests of everything right of the records."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_bench import paper, records
from fer_bench.anova_result import Family, PairDifference, Recommendation, WelchAnova
from fer_bench.datasets import dataset_card
from fer_bench.emotions import EMOTIONS
from fer_bench.files import sha256_of
from fer_bench.models import built_in_cards
from fer_bench.records import (
    CorruptionResult,
    Environment,
    Epoch,
    EvalRecord,
    LatencySample,
    Origin,
    Preparation,
    ProfileRecord,
    RobustnessRecord,
    Start,
    StatisticsRecord,
    TrainRecord,
)
from fer_bench.workspace import Results

RECIPE = "paper-0123abcd"
CONTENT = {
    "augmentation": {"horizontal_flip": True, "rotation": 10.0},
    "batch_norm_momentum": None,
    "batch_size": 64,
    "epochs": 100,
    "image_size": 224,
    "pretrained": ["clcm"],
}

SUPPORT = {
    "fer2013": (958, 111, 1024, 1774, 1233, 1247, 831),
    "raf-db": (162, 160, 74, 1185, 680, 478, 329),
    "affectnet": (500,) * 7,
    "ck-plus": (45, 59, 25, 69, 123, 28, 83),
}
"""Test images per class."""
PARTS = {
    "public": (467, 56, 496, 895, 607, 653, 415),
    "private": (491, 55, 528, 879, 626, 594, 416),
}
"""Those of FER-2013's two test parts."""
TRAINING = {"fer2013": (22_967, 5_742), "raf-db": (9_817, 2_454), "affectnet": (227_121, 56_780)}
"""Training and validation images."""
_FLOPS = {"mobilenetv2": 601_631_306, "clcm": 599_396_458, "shufflenetv2": 974_342_138}


def index_of(model: str) -> int:
    """Return a number that differs from model to model; the paper's three have 0 to 2."""
    known = list(built_in_cards())
    return known.index(model) if model in known else len(known)


def parameters_of(model: str) -> int:
    card = built_in_cards().get(model)
    return card.trainable_parameters if card else 1_000_000


def flat(target: str, wrong: int) -> tuple[tuple[int, ...], ...]:
    """Return a matrix with ``wrong`` images of each class answered as the next class; ``target`` may be a part."""
    supports = {**SUPPORT, **PARTS}[target]
    size = len(EMOTIONS)
    return tuple(
        tuple(images - wrong if j == i else wrong if j == (i + 1) % size else 0 for j in range(size))
        for i, images in enumerate(supports)
    )


def near(target: str, percent: float) -> tuple[tuple[int, ...], ...]:
    """Return a matrix with about this share of each class right, the rest answered as the next class."""
    supports = {**SUPPORT, **PARTS}[target]
    size = len(EMOTIONS)
    rows = []
    for i, images in enumerate(supports):
        right = min(round(images * percent / 100), images)
        rows.append(tuple(right if j == i else images - right if j == (i + 1) % size else 0 for j in range(size)))
    return tuple(rows)


def results_in(folder: Path) -> Results:
    return Results(records=folder / "records", tables=folder / "tables", reports=folder)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def environment(created: str = "2024-05-01T10:00:00Z", processor: str = "Test CPU @ 2.00 GHz") -> Environment:
    return Environment(
        created=created,
        packages={"fer-bench": "0.1.0", "keras": "3.15.1", "numpy": "2.4.6", "tensorflow": "2.21.0"},
        python="3.11.7",
        system="Linux-6.1 x86_64",
        processor=processor,
        cores=2,
        memory_gib=23.4,
        devices=(),
        host=digest(processor)[:12],
    )


def counts(target: str, model: str, seed: int) -> tuple[tuple[int, ...], ...]:
    """Return a confusion matrix with the test set's supports, different for each model and seed."""
    shift = index_of(model) + 3 * seed
    rows = []
    for label, images in enumerate(SUPPORT[target]):
        # About six in ten are right; the rest is spread unevenly. Whole numbers only, the same on every machine.
        row = [images * ((7 * label + 3 * guess + shift) % 11 + 1) // 100 for guess in range(len(EMOTIONS))]
        row[label] = 0
        row[label] = images - sum(row)
        rows.append(tuple(row))
    return tuple(rows)


def preparation(dataset: str, **changes: object) -> Preparation:
    """Return how a dataset is prepared by default, with fields changed."""
    card = dataset_card(dataset)
    by_default = Preparation(
        dataset=dataset,
        protocol=card.protocols[0].name,
        protocol_version=card.protocols[0].version,
        crop=card.layouts[0].crops[0],
        layout=card.layouts[0].name,
        official_split=True,
        complete=True,
    )
    return replace(by_default, **changes)


def train_record(
    model: str, dataset: str, *, seed: int = 0, recipe: str = RECIPE, origin: Origin = "real"
) -> TrainRecord:
    wave = [0.02 * ((5 * epoch + 3 * seed + index_of(model)) % 7) for epoch in range(12)]
    history = tuple(
        Epoch(
            loss=1.9 * 0.85**epoch + 0.1,
            accuracy=0.9 - 0.7 * 0.85**epoch,
            val_loss=1.6 * 0.9**epoch + 0.4 + bump,
            val_accuracy=0.7 - 0.5 * 0.85**epoch - bump / 5,
            learning_rate=1e-4,
            seconds=12.5,
        )
        for epoch, bump in enumerate(wave)
    )
    pretrained = model == "clcm" and origin == "real"
    start = (
        Start(kind="imagenet", source="mobilenet_v2.h5", sha256=digest("imagenet"))
        if pretrained
        else Start(kind="random")
    )
    return TrainRecord(
        model=model,
        dataset=dataset,
        recipe=recipe,
        seed=seed,
        backend="tensorflow",
        origin=origin,
        dataset_fingerprint=digest(f"{origin} {dataset}"),
        class_names=EMOTIONS,
        recipe_content=CONTENT,
        start=start,
        n_train=sum(TRAINING[part][0] for part in dataset.split("+")),
        n_val=sum(TRAINING[part][1] for part in dataset.split("+")),
        history=history,
        best_epoch=max(range(12), key=lambda i: history[i].val_accuracy),
        weights_sha256=digest(f"{model} {dataset} {recipe} {seed} {origin}"),
        trainable_parameters=parameters_of(model),
        environment=environment(),
    )


def eval_record(
    model: str,
    dataset: str,
    target: str,
    *,
    seed: int = 0,
    recipe: str = RECIPE,
    origin: Origin = "real",
    matrix: Sequence[Sequence[int]] | None = None,
) -> EvalRecord:
    matrix = tuple(map(tuple, matrix)) if matrix is not None else counts(target, model, seed)
    total = sum(map(sum, matrix))
    return EvalRecord(
        model=model,
        dataset=dataset,
        recipe=recipe,
        seed=seed,
        backend="tensorflow",
        origin=origin,
        dataset_fingerprint=digest(f"{origin} {dataset}"),
        class_names=EMOTIONS,
        target=target,
        target_fingerprint=digest(f"{origin} {target}"),
        n=total,
        confusion_matrix=matrix,
        accuracy=sum(matrix[i][i] for i in range(len(matrix))) / total,
        weights_sha256=digest(f"{model} {dataset} {recipe} {seed} {origin}"),
        predictions=f"{model}__{dataset}__{target}__{recipe}__s{seed}.npz",
        predictions_sha256="",
        environment=environment("2024-05-01T11:00:00Z"),
    )


def robustness_record(
    model: str,
    dataset: str,
    target: str,
    *,
    seed: int = 0,
    recipe: str = RECIPE,
    origin: Origin = "real",
    subjects: tuple[int, ...] = (),
    trained_on: tuple[str, ...] = (),
) -> RobustnessRecord:
    """Return a test on two corruptions: the first leaves half of the right answers, the second a third."""
    run = train_record(model, dataset, seed=seed, recipe=recipe, origin=origin)
    clean = counts(target, model, seed)
    images = sum(map(sum, clean))
    right = [1 if place < row[label] else 0 for label, row in enumerate(clean) for place in range(sum(row))]
    found = []
    for name, share in (("noise", 2), ("blur", 3)):
        kept = [value and place % share == 0 for place, value in enumerate(right)]
        starts = [sum(map(sum, clean[:label])) for label in range(len(EMOTIONS) + 1)]
        matrix = []
        for label, row in enumerate(clean):
            still = sum(kept[starts[label] : starts[label + 1]])
            wrong = list(row)
            wrong[label] = still
            wrong[(label + 1) % len(EMOTIONS)] += row[label] - still
            matrix.append(tuple(wrong))
        digits = "".join("5" if value else "0" for value in kept)
        found.append(CorruptionResult(corruption=name, confusion_matrices=(tuple(matrix),) * 5, right=digits))
    return RobustnessRecord(
        model=model,
        dataset=dataset,
        recipe=recipe,
        seed=seed,
        backend=run.backend,
        origin=origin,
        dataset_fingerprint=run.dataset_fingerprint,
        class_names=EMOTIONS,
        target=target,
        target_fingerprint=digest(target),
        n=images,
        protocol="faces-1",
        corruptions=("noise", "blur"),
        severities=5,
        confusion_matrix=clean,
        right="".join(map(str, right)),
        results=tuple(found),
        subjects=subjects,
        weights_sha256=run.weights_sha256,
        trained_on=trained_on,
        environment=environment(),
    )


def profile_record(
    model: str, *, origin: Origin = "real", session: str = "session-1", processor: str = "Test CPU @ 2.00 GHz"
) -> ProfileRecord:
    index = index_of(model)
    latency = {}
    for runtime, mean in (("keras-predict", 0.0584), ("keras-call", 0.0123)):
        times = [mean * (1, 0.86, 1.08)[index % 3] * (0.85 + 0.03 * ((7 * i + index) % 11)) for i in range(50)]
        latency[runtime] = tuple(LatencySample(order=3 * i + index, seconds=time) for i, time in enumerate(times))
    return ProfileRecord(
        model=model,
        origin=origin,
        backend="tensorflow",
        image_size=224,
        classes=7,
        trainable_parameters=parameters_of(model),
        non_trainable_parameters=34_112,
        flops_paper_rule=_FLOPS.get(model, 300_000_000 + index),
        session=session,
        warmup=10,
        latency=latency,
        threads={"each": 2, "intra_op": 2, "inter_op": 1},
        environment=environment(processor=processor),
    )


def save_eval(results: Results, record: EvalRecord) -> EvalRecord:
    """Write an evaluation with its predictions, made to fit its matrix; return the record as written."""
    labels, predicted = [], []
    for true, row in enumerate(record.confusion_matrix):
        for guess, images in enumerate(row):
            labels += [true] * images
            predicted += [guess] * images
    probabilities = np.full((len(labels), len(EMOTIONS)), 0.05, dtype=np.float16)
    probabilities[np.arange(len(labels)), predicted] = 0.7
    path = results.records / "eval" / record.predictions
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = np.array([f"{i:05d}" for i in range(len(labels))])
    np.savez_compressed(path, ids=ids, labels=np.array(labels, np.uint8), probabilities=probabilities)
    record = replace(record, predictions_sha256=sha256_of(path))
    records.save(results.records, record)
    return record


def save_statistics(
    results: Results,
    *,
    origin: Origin = "real",
    runtime: str = "keras-predict",
    family: Family = "session",
    star_above: float = 0.005,
) -> StatisticsRecord:
    """Write statistics of the profiles in ``results``: their differences of means; the test's figures are made up."""
    samples, inputs = {}, {}
    for profile in records.load_all(results.records, ProfileRecord):
        if family == "paper" and profile.model not in paper.MODELS:
            continue
        samples[profile.model] = np.array([sample.seconds for sample in profile.latency[runtime]])
        inputs[profile.model] = sha256_of(records.path_of(results.records, profile))
    mean = {model: float(times.mean()) for model, times in samples.items()}
    pairs = []
    for a, b in itertools.permutations(samples, 2):
        difference = mean[a] - mean[b]
        significant = abs(difference) > star_above
        ci = (difference - 0.003, difference + 0.003)
        pairs.append(
            PairDifference(
                a=a, b=b, difference=difference, ci=ci, p=0.0 if significant else 0.5, significant=significant
            )
        )
    record = StatisticsRecord(
        analysis="anova",
        origin=origin,
        runtime=runtime,
        family=family,
        models=tuple(samples),
        inputs=inputs,
        alpha=0.05,
        n={model: times.size for model, times in samples.items()},
        mean=mean,
        sd={model: float(times.std(ddof=1)) for model, times in samples.items()},
        f=40.25,
        p=1e-12,
        df=(2, 147),
        pairs=tuple(pairs),
        welch=WelchAnova(f=45.5, p=1e-13, df=(2.0, 97.25)),
        games_howell=tuple(replace(pair, p=0.0, significant=True) for pair in pairs),
        recommended=Recommendation(form="welch", sentence="Believe Welch's ANOVA with Games-Howell: made up."),
    )
    records.save(results.records, record)
    return record


def save_run(
    results: Results, model: str, dataset: str, *, seed: int = 0, recipe: str = RECIPE, origin: Origin = "real"
) -> None:
    """Write a training run, its test and its cross-test."""
    records.save(results.records, train_record(model, dataset, seed=seed, recipe=recipe, origin=origin))
    for target in (dataset, "ck-plus"):
        save_eval(results, eval_record(model, dataset, target, seed=seed, recipe=recipe, origin=origin))


def save_partial(results: Results, *, origin: Origin = "real") -> None:
    """Write an unfinished benchmark: FER-2013 whole, one model of it twice; one model on RAF-DB; a profile."""
    for model in paper.MODELS:
        save_run(results, model, "fer2013", origin=origin)
        records.save(results.records, profile_record(model, origin=origin))
    save_run(results, "clcm", "fer2013", seed=1, origin=origin)
    records.save(results.records, train_record("clcm", "raf-db", origin=origin))
    save_eval(results, eval_record("clcm", "raf-db", "raf-db", origin=origin))
    save_statistics(results, origin=origin)


def save_grid(results: Results, *, models: Sequence[str], seeds: Sequence[int] = (0, 1, 2)) -> None:
    """Write real runs of models on every dataset and a profile of each model.

    MobileNetV2 and CLCM come close to what the paper publishes, ShuffleNetV2 three points above it; on AffectNet the
    seeds lie far apart.
    """
    for model in models:
        records.save(results.records, profile_record(model))
        for dataset in paper.TRAINED_ON:
            for seed in seeds:
                records.save(results.records, train_record(model, dataset, seed=seed))
                for target, published in ((dataset, paper.TABLE4), ("ck-plus", paper.TABLE5)):
                    percent = published[dataset].get(model, 60) + (3 if model == "shufflenetv2" else 0)
                    percent += (seed - 1) * (2.0 if dataset == "affectnet" else 0.2)
                    record = eval_record(model, dataset, target, seed=seed, matrix=near(target, percent))
                    if target == "fer2013":
                        both = {"PrivateTest": near("private", percent), "PublicTest": near("public", percent)}
                        whole = tuple(
                            tuple(map(sum, zip(*rows, strict=True))) for rows in zip(*both.values(), strict=True)
                        )
                        record = eval_record(model, dataset, target, seed=seed, matrix=whole)
                        record = replace(record, parts=both)
                    records.save(results.records, record)
    save_statistics(results)
    if not set(models) <= set(paper.MODELS):
        save_statistics(results, family="paper")
