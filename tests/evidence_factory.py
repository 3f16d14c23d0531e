"""Evidence made by hand from small records, also of models beyond the paper's three."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import record_factory as make

from fer_bench import paper
from fer_bench.records import EvalRecord, LatencySample, Origin, ProfileRecord, TrainRecord
from fer_bench.selection import Block, Evidence, Latency

CANONICAL = ("mobilenetv2-canonical", "shufflenetv2-canonical")
PARAMETERS = {"mobilenetv2-canonical": 2_232_839, "shufflenetv2-canonical": 1_260_779}
FLOPS = {"mobilenetv2-canonical": 599_000_000, "shufflenetv2-canonical": 290_000_000}


def _stand_in(model: str) -> str:
    """Return the paper's model whose made-up figures another one gets."""
    return model if model in paper.MODELS else "clcm"


def train(model: str, dataset: str, seed: int = 0, origin: Origin = "real") -> TrainRecord:
    return replace(make.train_record(_stand_in(model), dataset, seed=seed, origin=origin), model=model)


def evaluated(model: str, dataset: str, target: str, seed: int = 0, origin: Origin = "real") -> EvalRecord:
    # Another seed of the stand-in, so that a model has figures of its own.
    shift = 0 if model in paper.MODELS else 1 + CANONICAL.index(model) if model in CANONICAL else 5
    found = make.eval_record(_stand_in(model), dataset, target, seed=seed + shift, origin=origin)
    return replace(found, model=model, seed=seed)


def profile(
    model: str,
    *,
    runtimes: Mapping[str, float] | None = None,
    processes: int = 1,
    calls: int = 50,
    origin: Origin = "real",
) -> ProfileRecord:
    """Return a profile; ``runtimes`` gives a mean, seconds, by runtime."""
    found = make.profile_record(_stand_in(model), origin=origin)
    speed = 1 + 0.1 * (len(model) % 5)
    latency = {}
    for runtime, mean in (runtimes or {"keras-predict": 0.0584, "keras-call": 0.0123}).items():
        latency[runtime] = tuple(
            LatencySample(
                order=process * calls + i,
                seconds=mean * speed * (0.9 + 0.02 * process + 0.01 * ((7 * i + process) % 13)),
                process=process,
            )
            for process in range(processes)
            for i in range(calls)
        )
    return replace(
        found,
        model=model,
        latency=latency,
        trainable_parameters=PARAMETERS.get(model, found.trainable_parameters),
        flops_paper_rule=FLOPS.get(model, found.flops_paper_rule),
    )


def block(
    dataset: str,
    models: Sequence[str] = paper.MODELS,
    *,
    targets: Sequence[str] = ("", "ck-plus"),
    seeds: Sequence[int] = (0,),
    origin: Origin = "real",
) -> Block:
    """Return the runs of a training dataset; an empty target is its own test set."""
    runs = [(model, seed) for model in models for seed in seeds]
    return Block(
        dataset=dataset,
        recipe=make.RECIPE,
        backend="tensorflow",
        fingerprint=make.digest(f"{origin} {dataset}"),
        evals=tuple(
            evaluated(model, dataset, target or dataset, seed, origin) for model, seed in runs for target in targets
        ),
        trains=tuple(train(model, dataset, seed, origin) for model, seed in runs),
    )


def evidence(*blocks: Block, profiles: Sequence[ProfileRecord] | None = None, origin: Origin = "real") -> Evidence:
    """Return evidence of some blocks; profiled are the paper's models where nothing else is said, none for ``()``."""
    if profiles is None:
        profiles = [profile(model, origin=origin) for model in paper.MODELS]
    latency = Latency(
        session="session-1",
        backend="tensorflow",
        image_size=224,
        profiles={record.model: record for record in profiles},
        statistics={},
        paper_statistics={},
    )
    return Evidence(
        origin=origin, blocks={item.dataset: item for item in blocks}, latency=latency if profiles else None
    )
