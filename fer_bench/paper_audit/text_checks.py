"""Statements of the text that need a check of their own: complexity, comparisons across tables, references."""

from collections.abc import Iterator

from fer_bench import paper
from fer_bench.emotions import EMOTIONS
from fer_bench.paper_audit.claims import Figures, recall
from fer_bench.paper_audit.findings import Finding, Verdict, listed

_MOBILE, _CLCM, _SHUFFLE = paper.MODELS
_TITLES = paper.MODEL_TITLES


def text_findings() -> Iterator[Finding]:
    """Yield the findings."""
    yield from _millions()
    yield from _table6()
    yield _blocks()
    yield from _most()
    yield from _ck_plus()
    yield _hard_classes()
    yield _better_than_all()
    yield from _quoted_complexity()
    yield from _references()


def _millions() -> Iterator[Finding]:
    exact = {name: row.trainable_parameters for name, row in paper.TABLE6.items()}
    sentences = (
        (
            "abstract",
            '"smaller model in terms of parameters (2.3 Million) compared to MobileNetV2 (3.5 Million) and '
            'ShuffleNetV2 (3.9 Million)"',
            {_CLCM: 23, _MOBILE: 35, _SHUFFLE: 39},
        ),
        (
            "section VI",
            '"fewer trainable parameters (2.4 million) than MobileNetV2 (3.5 million) and ShuffleNet V2 (3.9 million)"',
            {_CLCM: 24, _MOBILE: 35, _SHUFFLE: 39},
        ),
    )
    for where, quote, said in sentences:
        rounded = [_TITLES[name] for name, tenths in said.items() if round(exact[name] / 1e5) != tenths]
        truncated = [_TITLES[name] for name, tenths in said.items() if exact[name] // 100_000 != tenths]
        numbers = ", ".join(f"{_TITLES[name]} {exact[name]:,}" for name in said)
        if not rounded:
            verdict, how = Verdict.CONSISTENT, "rounded"
        elif not truncated:
            verdict, how = Verdict.ROUNDING, f"truncated; rounded, {listed(rounded)} would be a tenth higher"
        else:
            verdict = Verdict.CONTRADICTS
            how = f"neither rounded (not {listed(rounded)}) nor truncated (not {listed(truncated)})"
        evidence = f"Table 6: {numbers}: {how}."
        yield Finding(where=where, claim=quote, evidence=evidence, verdict=verdict)
    differing = [name for name in paper.MODELS if len({said[name] for _, _, said in sentences}) > 1]
    yield Finding(
        where="abstract, section VI",
        model=differing[0] if len(differing) == 1 else "",
        claim=listed([" and ".join(f"{said[name] / 10} million" for _, _, said in sentences) for name in differing])
        + " parameters.",
        evidence=f"The two places differ for {listed([f'{_TITLES[name]} ({exact[name]:,})' for name in differing])}.",
        verdict=Verdict.CONTRADICTS if differing else Verdict.CONSISTENT,
    )


def _table6() -> Iterator[Finding]:
    rows = paper.TABLE6
    differences = {(pair.model, pair.other): pair.difference for pair in paper.TABLE7}
    times = {_CLCM: 0.0502, _MOBILE: 0.0584, _SHUFFLE: 0.0633}
    parameters = {_CLCM: 2_393_191, _MOBILE: 3_511_879, _SHUFFLE: 3_997_795}
    yield Figures(
        "section V-E",
        "CLCM (2,393,191 trainable parameters) performed with the lowest mean inference time of 0.0502 seconds",
        "Table 6",
        (
            *((_TITLES[name], time, rows[name].mean_s) for name, time in times.items()),
            *((_TITLES[name], float(n), float(rows[name].trainable_parameters)) for name, n in parameters.items()),
        ),
    ).finding()
    yield Figures(
        "section VI",
        "(0.0502s) for the CLCM model, compared with MobileNetV2 (0.0584s) and ShuffleNetV2 (0.0633s)",
        "Table 6",
        tuple((_TITLES[name], time, rows[name].mean_s) for name, time in times.items()),
    ).finding()
    yield Figures(
        "section V-E",
        "a significant mean difference of 0.0048 seconds was observed between ShuffleNetV2 and MobileNetV2",
        "Table 7",
        (
            ("MobileNetV2 minus CLCM", 0.0082, differences[_MOBILE, _CLCM]),
            ("ShuffleNetV2 minus MobileNetV2", 0.0048, differences[_SHUFFLE, _MOBILE]),
            ("ShuffleNetV2 minus CLCM", 0.0130, differences[_SHUFFLE, _CLCM]),
        ),
    ).finding()


def _blocks() -> Finding:
    blocks = sum(row.repetitions or 0 for row in paper.TABLE2 if row.layer == "Bottleneck Block")
    return Figures(
        "section III-A-1", "17 building blocks in a row", "Table 2", (("blocks", 17.0, float(blocks)),), model=_MOBILE
    ).finding()


def _most() -> Iterator[Finding]:
    for where, quote, dataset, better, worse in (
        (
            "section VI",
            "ShuffleNetV2 performs better than MobileNetV2 in most emotion categories",
            "raf-db",
            (_SHUFFLE,),
            (_MOBILE,),
        ),
        (
            "section V-C",
            "CLCM slightly trailed behind them in most categories",
            "affectnet",
            (_MOBILE, _SHUFFLE),
            (_CLCM,),
        ),
    ):
        ahead = [
            name
            for name in EMOTIONS
            if min(recall(8, dataset, m, name) for m in better) > max(recall(8, dataset, m, name) for m in worse)
        ]
        yield Finding(
            where=where,
            dataset=dataset,
            claim=f'"{quote}"',
            evidence=f"Table 8: in {len(ahead)} of {len(EMOTIONS)}: {listed(ahead)}.",
            verdict=Verdict.CONSISTENT if 2 * len(ahead) > len(EMOTIONS) else Verdict.CONTRADICTS,
        )


def _ck_plus() -> Iterator[Finding]:
    table = paper.TABLE5
    cases = [(dataset, model) for dataset in ("fer2013", "raf-db") for model in (_MOBILE, _SHUFFLE)]
    wrong = [(dataset, model) for dataset, model in cases if table[dataset][model] >= table[dataset][_CLCM]]
    values = [
        f"{paper.DATASET_TITLES[d]}: {', '.join(f'{_TITLES[m]} {table[d][m]}' for m in paper.MODELS)}"
        for d in ("fer2013", "raf-db")
    ]
    yield Finding(
        where="section VI, Table 5",
        dataset=wrong[0][0] if len(wrong) == 1 else "",
        model=wrong[0][1] if len(wrong) == 1 else "",
        claim='"FER-2013 and RAF-DB, cases for which MobileNetV2 and ShuffleNetV2 showed lower performance (Table 5)"',
        evidence=f"Table 5: {'; '.join(values)}."
        + (
            f" Not lower: {listed([f'{_TITLES[m]} trained on {paper.DATASET_TITLES[d]}' for d, m in wrong])}."
            * bool(wrong)
        ),
        verdict=Verdict.CONTRADICTS if wrong else Verdict.CONSISTENT,
    )
    lowest = min(table["affectnet"].values())
    highest = max(value for dataset in ("fer2013", "raf-db") for value in table[dataset].values())
    yield Finding(
        where="section VI, Table 5",
        dataset="affectnet",
        claim='"models trained on the AffectNet database", "performed better than models trained on smaller datasets"',
        evidence=f"On CK+ at least {lowest} % against at most {highest} %.",
        verdict=Verdict.CONSISTENT if lowest > highest else Verdict.CONTRADICTS,
    )


def _hard_classes() -> Finding:
    easy = []
    for table, matrices in ((8, paper.TABLE8), (9, paper.TABLE9)):
        for dataset, by_model in matrices.items():
            for model in by_model:
                ranked = sorted(recall(table, dataset, model, name) for name in EMOTIONS)
                easy += [
                    f"{name} {value} ({_TITLES[model]} trained on {paper.DATASET_TITLES[dataset]}, Table {table})"
                    for name in ("disgust", "fear")
                    if (value := recall(table, dataset, model, name)) > ranked[2]
                ]
    return Finding(
        where="section VI, Tables 8 and 9",
        claim="\"all models had difficulties in recognizing the emotions 'disgust' and 'fear.'\"",
        evidence=f"Not among a model's three worst classes: {listed(easy)}."
        if easy
        else "Always among the three worst.",
        verdict=Verdict.DOUBTFUL if easy else Verdict.CONSISTENT,
    )


def _better_than_all() -> Finding:
    ahead = {}
    for dataset, entries in paper.TABLE11.items():
        own = next(entry.accuracy for entry in entries if entry.model == _CLCM)
        others = [entry for entry in entries if entry.model is None]
        ahead[dataset] = sum(entry.accuracy > own for entry in others), len(others)
    counts = [f"{better} of {n} on {paper.DATASET_TITLES[dataset]}" for dataset, (better, n) in ahead.items()]
    return Finding(
        where="section I, Table 11",
        model=_CLCM,
        claim='"a lightweight structure that provides better performance than existing models"',
        evidence=f"Of the models from the literature in Table 11, more accurate than CLCM are {listed(counts)}.",
        verdict=Verdict.CONTRADICTS if any(better for better, _ in ahead.values()) else Verdict.CONSISTENT,
    )


def _quoted_complexity() -> Iterator[Finding]:
    own = paper.TABLE6[_CLCM]
    quoted = paper.COMPLEXITY_LITERATURE
    flops = [f"{row.method} {row.gflops}" for row in quoted if row.gflops is not None]
    fewer = [
        f"{row.method} ({row.parameters_millions} million)"
        for row in quoted
        if row.parameters_millions is not None and row.parameters_millions * 1e6 < own.trainable_parameters
    ]
    worse = all(row.gflops > own.gflops for row in quoted if row.gflops is not None)
    yield Finding(
        where="section VI",
        model=_CLCM,
        claim='"in comparison to CLCM, they perform less well in terms of Gflops"',
        evidence=f"CLCM {own.gflops}; {listed(flops)}."
        + (f" With fewer parameters than CLCM, which is not said: {listed(fewer)}." if fewer else ""),
        verdict=Verdict.CONSISTENT if worse else Verdict.CONTRADICTS,
    )
    times = [(row.method, row.inference_s) for row in quoted if row.inference_s is not None]
    yield Finding(
        where="section VI",
        model=_CLCM,
        claim='"the results from the CLCM show better or comparable performance to existing models" (inference time)',
        evidence=f"CLCM {own.mean_s} s; {listed([f'{name} {time} s' for name, time in times])}; on other machines.",
        verdict=Verdict.CONSISTENT if all(time > own.mean_s for _, time in times) else Verdict.CONTRADICTS,
    )


def _references() -> Iterator[Finding]:
    table6 = {value for row in paper.TABLE6.values() for value in (row.trainable_parameters, row.gflops, row.mean_s)}
    said = (91, 91, 92)
    here = not table6.isdisjoint(said)
    yield Finding(
        where="section VI, Table 6",
        dataset="affectnet",
        claim='"MobileNetV2 and CLCM achieved an accuracy of 91%, while ShuffleNetV2 achieved a slightly higher '
        'accuracy of 92% (see Table 6)"',
        evidence=f"Table 6 holds {'them' if here else 'parameters, GFLOPs and times'}; Table 5 has "
        f"{', '.join(str(value) for value in paper.TABLE5['affectnet'].values())}.",
        verdict=Verdict.CONSISTENT if here else Verdict.CONTRADICTS,
    )
    yield Finding(
        where="section VI, Table 11",
        claim='"general emotion performance comparison are shown in Table 11"',
        evidence="Table 11 compares overall accuracies with the literature. The comparison by emotion is Table 10, "
        "which the text never cites.",
        verdict=Verdict.CONTRADICTS,
        read=True,
    )
    yield Finding(
        where="section III-A-1, references",
        model=_MOBILE,
        claim='"Table 2 shows the complete architecture of MobileNetV2 [7]"',
        evidence="[7] is the report on FER-2013's challenge; MobileNetV2 is [32], which the list of references gives "
        "the title of [33].",
        verdict=Verdict.CONTRADICTS,
        read=True,
    )
    yield Finding(
        where="section VI, references",
        claim='FaceChannel, CERN and CAER-Net-S: "[86], [87], [88], [89]"',
        evidence="Three models, four citations: the text does not say what it takes from [87].",
        verdict=Verdict.DOUBTFUL,
        read=True,
    )
