"""Tables 2, 3, 6 and 7: parameters against architectures, differences against means, the test's assumptions."""

import math
from collections.abc import Iterator
from itertools import combinations, product

from fer_bench import paper
from fer_bench.paper_audit.findings import Finding, Verdict, listed

# Trainable parameters of MobileNetV2 (alpha 1.0) as Keras builds it: without its top; its parts that CLCM freezes.
_BACKBONE = 2_223_872
_STEM = 3 * 3 * 3 * 32 + 2 * 32
_FIRST_BLOCK = 3 * 3 * 32 + 2 * 32 + 32 * 16 + 2 * 16
_NEXT_EXPANSION = 16 * 96
_FEATURES = 1280
_CLASSES = 7

_COUNTED_MODELS: tuple[tuple[str, int, int], ...] = (
    ("Inception-V3", 23_851_784, 21_802_784),
    ("EfficientNet-B0", 5_330_571, 4_049_571),
    ("ResNet-50", 25_636_712, 23_587_712),
    ("DenseNet121", 8_062_504, 7_037_504),
)
"""Models of section VI: all parameters of Keras' model with and without its top."""


def complexity_findings() -> Iterator[Finding]:
    """Yield what Tables 6 and 7 say about each other and about the architectures."""
    yield _differences()
    yield from _variances()
    yield from _architectures()
    yield _quoted_parameters()
    yield _speed()


def _differences() -> Finding:
    printed = {(pair.model, pair.other): pair.difference for pair in paper.TABLE7}
    signs = all(printed[a, b] == -printed[b, a] for a, b in _pairs())
    off = []
    for a, b in _pairs():
        from_means = paper.TABLE6[a].mean_s - paper.TABLE6[b].mean_s
        if abs(printed[a, b] - from_means) > 0.00005:
            names = f"{paper.MODEL_TITLES[a]} minus {paper.MODEL_TITLES[b]}"
            off.append(f"{names} is {printed[a, b]:.4f}, from the printed means {from_means:.4f}")
    exist = _means_exist()
    evidence = f"{listed(off)}. " if off else ""
    evidence += f"{'Some' if exist else 'No'} unrounded means give every value of both tables; the signs "
    evidence += "agree." if signs else "disagree."
    good = Verdict.ROUNDING if off else Verdict.CONSISTENT
    return Finding(
        where="Table 7, Table 6",
        claim="Mean differences of the inference times.",
        evidence=evidence,
        verdict=good if exist and signs else Verdict.CONTRADICTS,
    )


def _pairs() -> list[tuple[str, str]]:
    return list(combinations(paper.MODELS, 2))


def _means_exist() -> bool:
    """Tell whether some means round to Table 6 with differences that round to Table 7 (no negative cycle)."""
    # x_a - x_b <= limit[a, b], in halves of the last digit; "" is zero.
    names = ("", *paper.MODELS)
    limit = {(a, b): 0.0 if a == b else math.inf for a, b in product(names, names)}
    for name, row in paper.TABLE6.items():
        printed = 2 * round(row.mean_s * 1e4)
        limit[name, ""], limit["", name] = printed + 1, -(printed - 1)
    for pair in paper.TABLE7:
        printed = 2 * round(pair.difference * 1e4)
        limit[pair.model, pair.other] = min(limit[pair.model, pair.other], printed + 1)
        limit[pair.other, pair.model] = min(limit[pair.other, pair.model], -(printed - 1))
    for via, a, b in product(names, names, names):
        limit[a, b] = min(limit[a, b], limit[a, via] + limit[via, b])
    return all(limit[name, name] >= 0 for name in names)


def _variances() -> Iterator[Finding]:
    from scipy.stats import f as f_distribution

    from fer_bench.anova_result import ALPHA
    from fer_bench.statistics import classic, unequal
    from fer_bench.statistics.summary import given_summary

    n = paper.TABLE6_N
    means = {name: row.mean_s for name, row in paper.TABLE6.items()}
    sds = {name: row.sd_s for name, row in paper.TABLE6.items()}
    summary = given_summary(means, sds, dict.fromkeys(means, n), ALPHA)
    result = classic.of_summary(summary, ALPHA)
    stars = {(pair.model, pair.other): pair.significant for pair in paper.TABLE7}
    agree = all(pair.significant == stars[pair.a, pair.b] for pair in result.pairs)
    yield Finding(
        where="Table 7, Table 6",
        claim="Every mean difference is significant at the 0.05 level.",
        evidence=f"From the means, deviations and N = {n}: F({result.df[0]}, {result.df[1]}) = {result.f:.1f}, p "
        f"{_p(result.p)}; Tukey's largest p {_p(max(pair.p for pair in result.pairs))}.",
        verdict=Verdict.CONSISTENT if agree else Verdict.CONTRADICTS,
    )
    ratio = max(sds.values()) ** 2 / min(sds.values()) ** 2
    equal = float(2 * f_distribution.sf(ratio, n - 1, n - 1))
    largest = max(pair.p for pair in unequal.games_howell(summary, ALPHA))
    yield Finding(
        where="Table 7, Table 6",
        claim='"ANOVA, and the post hoc test" on the inference times.',
        evidence=f"Deviations from {min(sds.values()):.4f} to {max(sds.values()):.4f} s are a variance ratio of "
        f"{ratio:.1f} (equal variances: p {_p(equal)}), which ANOVA and the usual post-hoc test, Tukey's, assume to be "
        f"1; which test was used is not said. Games-Howell, which does not assume it, "
        f"{'agrees' if largest < ALPHA else 'disagrees'} here (largest p {_p(largest)}). Repeated predictions of "
        "one process are no independent replicates, which no test of them repairs.",
        verdict=Verdict.DOUBTFUL if equal < ALPHA else Verdict.CONSISTENT,
    )


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"= {p:.4f}"


def _dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def _shufflenet(last: int) -> int:
    """Return the trainable parameters of the paper's ShuffleNetV2 with a last convolution of so many filters, or 0."""
    total, width_in = 3 * 3 * 3 * 24, 24
    for width, units in ((116, 4), (232, 8), (464, 4)):
        point, depth = width * width + 3 * width, 12 * width
        halving = 12 * width_in + 2 * (width_in * width + 3 * width) + depth + point
        total += halving + (units - 1) * (2 * point + depth)
        width_in = 2 * width
    if last:
        total += _dense(width_in, last)
        width_in = last
    return total + _dense(width_in, _CLASSES)


def _architectures() -> Iterator[Finding]:
    counts = {name: row.trainable_parameters for name, row in paper.TABLE6.items()}
    usual = _BACKBONE + _dense(_FEATURES, _CLASSES)
    stacked = _BACKBONE + _dense(_FEATURES, 1000) + _dense(1000, _CLASSES)
    yield Finding(
        where="Table 6, Table 2",
        model="mobilenetv2",
        claim=f"{counts['mobilenetv2']:,} trainable parameters; Table 2 ends in average pooling and one dense layer.",
        evidence=f"One dense layer of {_CLASSES} outputs gives {usual:,}, fewer than CLCM's {counts['clcm']:,}. The "
        f"printed number is ImageNet's 1000 outputs with the {_CLASSES} on top of them: {stacked:,}. That CLCM is the "
        "smaller model holds for this variant only.",
        verdict=_architecture(counts["mobilenetv2"], usual),
    )
    full = _BACKBONE + _dense(_FEATURES, 128) + _dense(128, 64) + _dense(64, _CLASSES)
    block = full - _FIRST_BLOCK
    frozen = _STEM + _FIRST_BLOCK + _NEXT_EXPANSION
    yield Finding(
        where="Table 6, section III-A-3",
        model="clcm",
        claim=f'"the first Bottleneck Residual Block has been frozen"; {counts["clcm"]:,} trainable parameters.',
        evidence=f"Without that block's {_FIRST_BLOCK:,} parameters {block:,} are left, without the {_STEM:,} of the "
        f"first convolution too {block - _STEM:,}. The printed number needs the {_NEXT_EXPANSION:,} of the next "
        f"block's expansion frozen as well: {full - frozen:,}.",
        verdict=_architecture(counts["clcm"], block),
    )
    yield Finding(
        where="Table 6, Table 3",
        model="shufflenetv2",
        claim=f"{counts['shufflenetv2']:,} trainable parameters; Table 3 lists no convolution before the pooling.",
        evidence="The paper gives no widths. Blocks with 116, 232 and 464 channels in each branch give "
        f"{_shufflenet(0):,} as listed, and {_shufflenet(1024):,} with a last 1x1 convolution of 1024 filters.",
        verdict=Verdict.CONSISTENT if counts["shufflenetv2"] == _shufflenet(0) else Verdict.DOUBTFUL,
    )


def _architecture(printed: int, described: int) -> Verdict:
    return Verdict.CONSISTENT if printed == described else Verdict.CONTRADICTS


def _quoted_parameters() -> Finding:
    said = paper.PARAMETERS_LITERATURE
    tops = [name for name, top, _ in _COUNTED_MODELS if abs(top / 1e6 - said[name]) < 1]
    bare = [
        name for name, top, none in _COUNTED_MODELS if abs(top / 1e6 - said[name]) >= 1 > abs(none / 1e6 - said[name])
    ]
    counts = [f"{name} {top / 1e6:.1f} with and {none / 1e6:.1f} without" for name, top, none in _COUNTED_MODELS]
    mixed = bool(tops and bare)
    return Finding(
        where="section VI",
        claim='Inception V3 "contains 24 million parameters", EfficientNet-B0 "4 million", ResNet-50 "25 million", '
        'DenseNet121 "7 million".',
        evidence=f"Keras' models have, in millions, with and without ImageNet's top layer: {listed(counts)}. "
        + (f"{listed(tops)} are counted with it, {listed(bare)} without." if mixed else "One way to count fits all."),
        verdict=Verdict.DOUBTFUL if mixed else Verdict.CONSISTENT,
    )


def _speed() -> Finding:
    rows = paper.TABLE6
    pairs = [("clcm", "mobilenetv2"), ("mobilenetv2", "shufflenetv2")]
    flops = {(a, b): rows[b].gflops / rows[a].gflops for a, b in pairs}
    times = {(a, b): rows[b].mean_s / rows[a].mean_s for a, b in pairs}
    parts = [
        f"{paper.MODEL_TITLES[b]} has {100 * (flops[a, b] - 1):.1f} % more FLOPs than {paper.MODEL_TITLES[a]} and "
        f"takes {100 * (times[a, b] - 1):.1f} % longer"
        for a, b in pairs
    ]
    follows = all(0.5 < (times[pair] - 1) / (flops[pair] - 1) < 2 for pair in pairs)
    return Finding(
        where="section VI, Table 6",
        claim='"a lower computational load and a higher sample processing speed, as confirmed by inference time"',
        evidence=f"{'; '.join(parts)}: "
        + ("time follows FLOPs." if follows else "the order agrees, but FLOPs do not explain the times."),
        verdict=Verdict.CONSISTENT if follows else Verdict.DOUBTFUL,
    )
