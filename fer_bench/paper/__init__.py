"""The published values of Tables 1 to 11, as data, exactly as printed: also where the print is wrong.

Source: M. C. Gursesli et al., "Facial Emotion Recognition (FER) Through Custom Lightweight CNN Model: Performance
Evaluation in Public Datasets", IEEE Access 12, 2024, doi 10.1109/ACCESS.2024.3380847. Reference numbers such as
``[70]`` are that paper's. :data:`KNOWN_ERRATA` lists what does not add up. Models, datasets and classes are named
as everywhere in fer-bench; dictionaries keep the order in which the project shows them. Tables 8 and 9 lie in
``matrices``, Table 11 in ``literature``; all are read from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fer_bench.paper.literature import COMPLEXITY_LITERATURE as COMPLEXITY_LITERATURE
from fer_bench.paper.literature import PARAMETERS_LITERATURE as PARAMETERS_LITERATURE
from fer_bench.paper.literature import TABLE11 as TABLE11
from fer_bench.paper.literature import Literature as Literature
from fer_bench.paper.literature import LiteratureComplexity as LiteratureComplexity
from fer_bench.paper.matrices import TABLE8 as TABLE8
from fer_bench.paper.matrices import TABLE9 as TABLE9
from fer_bench.paper.matrices import TABLE9_MODEL_ORDER as TABLE9_MODEL_ORDER
from fer_bench.paper.matrices import TABLE9_TRAINED_ON_ORDER as TABLE9_TRAINED_ON_ORDER
from fer_bench.paper.matrices import Matrix as Matrix

MODELS = ("mobilenetv2", "clcm", "shufflenetv2")
"""The three models, in the order of Tables 4 to 8, 10."""

MODEL_TITLES: dict[str, str] = {"mobilenetv2": "MobileNetV2", "clcm": "CLCM", "shufflenetv2": "ShuffleNetV2"}

TRAINED_ON = ("fer2013", "raf-db", "affectnet")
"""The datasets with a training set, in the order of Tables 4, 5, 8, 10 and 11."""

DATASET_TITLES: dict[str, str] = {
    "fer2013": "FER-2013",
    "raf-db": "RAF-DB",
    "affectnet": "AffectNet",
    "ck-plus": "CK+",
}


@dataclass(frozen=True)
class Database:
    """One row of Table 1."""

    dataset: str
    """Name in fer-bench."""
    title: str
    citation: str
    environment: str
    images: int
    position: str
    colour: str
    emotion_classes: str
    annotation_methods: str


@dataclass(frozen=True)
class Layer:
    """One row of Table 2 or 3."""

    input_size: str
    layer: str
    stride: int | None
    """``None`` where the cell is empty."""
    repetitions: int | None
    """``None`` where the cell is empty."""


@dataclass(frozen=True)
class Complexity:
    """One row of Table 6."""

    trainable_parameters: int
    gflops: float
    mean_s: float
    """Mean inference time, seconds."""
    sd_s: float
    """What the table prints after ±: the standard deviation (section IV-C), seconds."""


@dataclass(frozen=True)
class Pair7:
    """One row of Table 7."""

    model: str
    other: str
    difference: float
    """Mean inference time of ``model`` minus that of ``other``, seconds."""
    significant: bool
    """Marked with a star: significant at the 0.05 level."""


TABLE1: tuple[Database, ...] = (
    Database(
        dataset="affectnet",
        title="AffectNet-7",
        citation="[4]",
        environment="Web",
        images=1_000_000,
        position="Posed & Spontaneous",
        colour="RGB & BGR",
        emotion_classes="6 basic emotions + Neutral",
        annotation_methods="One annotator per image",
    ),
    Database(
        dataset="raf-db",
        title="RAF-DB",
        citation="[5], [6]",
        environment="Web",
        images=29_673,
        position="Posed & Spontaneous",
        colour="RGB & BGR",
        emotion_classes="6 basic emotions + Neutral and 12 compound emotions",
        annotation_methods="40 Independent annotators",
    ),
    Database(
        dataset="fer2013",
        title="FER-2013",
        citation="[7]",
        environment="Web",
        images=32_298,
        position="Spontaneous",
        colour="BGR",
        emotion_classes="6 basic emotions + Neutral",
        annotation_methods="Image search API",
    ),
    Database(
        dataset="ck-plus",
        title="CK+",
        citation="[8]",
        environment="Lab",
        images=593,
        position="Posed & Spontaneous",
        colour="RGB & BGR",
        emotion_classes="6 basic expressions + Neutral + Contempt",
        annotation_methods="FACS coded by two annotators",
    ),
)

TABLE2: tuple[Layer, ...] = (
    Layer("224x224", "Conv2D", 2, 1),
    Layer("112x112", "Bottleneck Block", 1, 1),
    Layer("112x112", "Bottleneck Block", 2, 2),
    Layer("56x56", "Bottleneck Block", 2, 3),
    Layer("28x28", "Bottleneck Block", 2, 4),
    Layer("14x14", "Bottleneck Block", 1, 3),
    Layer("14x14", "Bottleneck Block", 2, 3),
    Layer("7x7", "Bottleneck Block", 1, 1),
    Layer("7x7", "Conv2D 1x1", 1, 1),
    Layer("7x7", "Average Pooling", None, 1),
    Layer("1x1", "Dense", None, None),
)
"""Architecture of MobileNetV2."""

TABLE3: tuple[Layer, ...] = (
    Layer("224x224", "Conv2D", 2, 1),
    Layer("112x112", "Max Pooling", 2, 1),
    Layer("56x56", "Building Block", 2, 1),
    Layer("28x28", "Building Block", 1, 3),
    Layer("28x28", "Building Block", 2, 1),
    Layer("14x14", "Building Block", 1, 7),
    Layer("14x14", "Building Block", 2, 1),
    Layer("7x7", "Building Block", 1, 3),
    Layer("7x7", "Global Pooling", None, None),
    Layer("1x1", "Dense", None, None),
)
"""Architecture of ShuffleNetV2."""

TABLE4: dict[str, dict[str, int]] = {
    "fer2013": {"mobilenetv2": 58, "clcm": 63, "shufflenetv2": 65},
    "raf-db": {"mobilenetv2": 73, "clcm": 84, "shufflenetv2": 80},
    "affectnet": {"mobilenetv2": 57, "clcm": 54, "shufflenetv2": 57},
}
"""Overall accuracy on the own test set, percent: dataset, model."""

TABLE5: dict[str, dict[str, int]] = {
    "fer2013": {"mobilenetv2": 65, "clcm": 71, "shufflenetv2": 71},
    "raf-db": {"mobilenetv2": 47, "clcm": 78, "shufflenetv2": 60},
    "affectnet": {"mobilenetv2": 91, "clcm": 91, "shufflenetv2": 92},
}
"""Overall accuracy on CK+, percent: dataset trained on, model."""

TABLE6: dict[str, Complexity] = {
    "mobilenetv2": Complexity(3_511_879, 0.6016, 0.0584, 0.0035),
    "clcm": Complexity(2_393_191, 0.5994, 0.0502, 0.0020),
    "shufflenetv2": Complexity(3_997_795, 0.9743, 0.0633, 0.0062),
}

TABLE6_N = 50
"""Timed predictions of each model."""

TABLE7: tuple[Pair7, ...] = (
    Pair7("mobilenetv2", "clcm", 0.0082, True),
    Pair7("mobilenetv2", "shufflenetv2", -0.0048, True),
    Pair7("clcm", "mobilenetv2", -0.0082, True),
    Pair7("clcm", "shufflenetv2", -0.0130, True),
    Pair7("shufflenetv2", "mobilenetv2", 0.0048, True),
    Pair7("shufflenetv2", "clcm", 0.0130, True),
)
"""Post-hoc comparison of the mean inference times (the paper prints decimal commas)."""

TABLE10: dict[str, dict[str, tuple[float, ...]]] = {
    "fer2013": {
        "mobilenetv2": (0.40, 0.0, 0.17, 0.84, 0.57, 0.60, 0.84),
        "clcm": (0.64, 0.44, 0.50, 0.82, 0.57, 0.46, 0.78),
        "shufflenetv2": (0.60, 0.52, 0.47, 0.86, 0.59, 0.56, 0.77),
    },
    "raf-db": {
        "mobilenetv2": (0.67, 0.0, 0.0, 0.94, 0.86, 0.78, 0.14),
        "clcm": (0.74, 0.49, 0.56, 0.94, 0.87, 0.75, 0.85),
        "shufflenetv2": (0.68, 0.44, 0.54, 0.91, 0.76, 0.75, 0.77),
    },
    "affectnet": {
        "mobilenetv2": (0.57, 0.30, 0.42, 0.94, 0.78, 0.57, 0.40),
        "clcm": (0.55, 0.24, 0.35, 0.95, 0.79, 0.53, 0.36),
        "shufflenetv2": (0.57, 0.31, 0.42, 0.93, 0.80, 0.57, 0.41),
    },
}
"""Accuracy per class (recall), fraction with two decimals as printed, in the order of ``emotions.EMOTIONS``: dataset,
model."""

KNOWN_ERRATA: tuple[str, ...] = (
    "Table 1 and section V-A: the 32,298 images of FER-2013 are 28,709 + 3,589; "
    "the FER-2013 matrices of Table 8 need a test set of 7,178, so 35,887 in all.",
    "Section V-A: 3,995 training and 958 test images are the counts of FER-2013's class angry alone.",
    "Table 3 lists no convolution before the global pooling; "
    "Table 6's parameters are reached with a last 1x1 convolution of 1024 filters.",
    "Table 4: ShuffleNetV2 on RAF-DB is 80; Table 8 with the test set's counts gives 78.75 to 79.50 by plain rounding.",
    "Table 5: ShuffleNetV2 trained on FER-2013 is 71; Table 9 with the CK+ counts gives 72.45 to 72.69.",
    "Table 7: -0.0048 and -0.0130 are -0.0049 and -0.0131 from the means of Table 6 (rounding).",
    "Table 8: CLCM's fear row on RAF-DB cannot come from the 74 fear images by plain rounding (56 and 10 percent).",
    "Table 9: MobileNetV2 trained on AffectNet has a disgust row that sums to 104.",
    "Table 9: MobileNetV2 trained on FER-2013 has 100 and 1 percent in its happy row, impossible with 69 images.",
    "Table 10: ShuffleNetV2's surprise on FER-2013 is 0.77; the diagonal of Table 8 says 76.",
    "Section V-A says that ShuffleNetV2 leads in sad on FER-2013; Table 8 has 56 against MobileNetV2's 60.",
    "Section VI cites Table 6 for the CK+ results, which are in Table 5.",
    "Section VI gives CLCM 83 on RAF-DB; Tables 4 and 11 give 84.",
    "CLCM's 2,393,191 parameters are 2.3 million in the abstract and 2.4 million in section VI; "
    "ShuffleNetV2's 3,997,795 are 3.9 million in both.",
)


def accuracies(dataset: str, target: str) -> Mapping[str, int]:
    """Return the published overall accuracies of a test, percent by model; empty for one that the paper has not.

    Args:
        dataset: trained on.
        target: tested on: ``dataset`` itself (Table 4) or CK+ (Table 5).
    """
    return {dataset: TABLE4, "ck-plus": TABLE5}.get(target, {}).get(dataset, {})
