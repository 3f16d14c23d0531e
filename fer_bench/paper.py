"""The published values of Tables 1 to 11, as data, exactly as printed: also where the print is wrong.

Source: M. C. Gursesli et al., "Facial Emotion Recognition (FER) Through Custom Lightweight CNN Model: Performance
Evaluation in Public Datasets", IEEE Access 12, 2024, doi 10.1109/ACCESS.2024.3380847. Reference numbers such as
``[70]`` are that paper's. :data:`KNOWN_ERRATA` lists what does not add up. Models, datasets and classes are named
as everywhere in fer-bench; dictionaries keep the order in which the project shows them.
"""

from dataclasses import dataclass

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

Matrix = tuple[tuple[int, ...], ...]
"""Seven rows of seven percentages: rows true, columns predicted, both in the order of ``emotions.EMOTIONS``.
Rounding leaves a row's sum within 98 to 102, but for one (see :data:`KNOWN_ERRATA`)."""


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


@dataclass(frozen=True)
class Literature:
    """One entry of Table 11."""

    method: str
    accuracy: float
    """Fraction, two decimals as printed."""
    citation: str
    """Empty for the paper's own three models."""
    model: str | None = None
    """Name in fer-bench, for the paper's own three models."""


@dataclass(frozen=True)
class LiteratureComplexity:
    """A model whose complexity the discussion (section VI) quotes; ``None`` where it quotes no such figure."""

    method: str
    citation: str
    parameters_millions: float | None = None
    gflops: float | None = None
    inference_s: float | None = None
    """Inference time of one input, seconds."""


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

TABLE8: dict[str, dict[str, Matrix]] = {
    "fer2013": {
        "mobilenetv2": (
            (40, 0, 10, 2, 7, 38, 3),
            (44, 0, 6, 3, 2, 42, 3),
            (21, 0, 17, 3, 9, 33, 17),
            (3, 0, 2, 84, 5, 3, 3),
            (2, 0, 5, 6, 57, 27, 3),
            (10, 0, 6, 3, 18, 60, 3),
            (3, 0, 7, 3, 1, 2, 84),
        ),
        "clcm": (
            (64, 2, 13, 3, 7, 10, 1),
            (35, 44, 10, 1, 1, 7, 2),
            (15, 1, 50, 2, 8, 14, 10),
            (4, 0, 2, 82, 6, 3, 3),
            (15, 0, 8, 6, 57, 12, 2),
            (16, 1, 17, 2, 16, 46, 2),
            (4, 0, 11, 3, 3, 1, 78),
        ),
        "shufflenetv2": (
            (60, 1, 12, 4, 9, 13, 1),
            (23, 52, 9, 6, 4, 4, 2),
            (10, 0, 47, 3, 9, 23, 8),
            (2, 0, 1, 86, 5, 4, 2),
            (7, 1, 7, 7, 59, 18, 1),
            (10, 0, 14, 4, 15, 56, 1),
            (3, 1, 10, 4, 3, 3, 76),
        ),
    },
    "raf-db": {
        "mobilenetv2": (
            (67, 0, 0, 9, 7, 13, 4),
            (18, 0, 0, 10, 28, 41, 3),
            (43, 0, 0, 11, 19, 20, 7),
            (0, 0, 0, 94, 4, 1, 1),
            (0, 0, 1, 5, 86, 7, 1),
            (1, 0, 0, 7, 14, 78, 0),
            (4, 0, 0, 7, 68, 7, 14),
        ),
        "clcm": (
            (74, 12, 3, 4, 4, 3, 0),
            (9, 49, 1, 9, 23, 6, 3),
            (5, 1, 56, 10, 4, 8, 16),
            (0, 1, 0, 94, 4, 1, 0),
            (0, 2, 0, 5, 87, 4, 2),
            (1, 3, 2, 4, 14, 75, 1),
            (2, 2, 2, 3, 6, 0, 85),
        ),
        "shufflenetv2": (
            (68, 10, 1, 7, 5, 5, 4),
            (6, 44, 1, 14, 18, 13, 4),
            (5, 3, 54, 11, 7, 11, 9),
            (1, 1, 0, 91, 4, 2, 1),
            (1, 2, 1, 6, 76, 10, 3),
            (1, 3, 1, 7, 12, 75, 1),
            (2, 1, 4, 4, 10, 2, 77),
        ),
    },
    "affectnet": {
        "mobilenetv2": (
            (57, 2, 1, 4, 30, 4, 2),
            (27, 30, 2, 12, 19, 9, 2),
            (7, 2, 42, 5, 15, 11, 18),
            (0, 0, 0, 94, 6, 0, 0),
            (4, 0, 1, 10, 78, 4, 3),
            (7, 1, 0, 4, 30, 57, 1),
            (3, 0, 5, 20, 28, 4, 40),
        ),
        "clcm": (
            (55, 2, 1, 4, 32, 4, 2),
            (29, 24, 2, 11, 20, 12, 2),
            (9, 1, 35, 5, 15, 14, 21),
            (0, 0, 0, 95, 4, 1, 0),
            (4, 0, 0, 12, 79, 3, 2),
            (8, 0, 1, 5, 32, 53, 1),
            (3, 0, 4, 19, 33, 5, 36),
        ),
        "shufflenetv2": (
            (57, 2, 2, 3, 30, 5, 1),
            (27, 31, 2, 10, 21, 7, 2),
            (6, 1, 42, 5, 16, 12, 18),
            (0, 0, 0, 93, 6, 0, 1),
            (4, 0, 0, 9, 80, 3, 4),
            (7, 2, 0, 3, 28, 57, 3),
            (3, 1, 5, 20, 27, 3, 41),
        ),
    },
}
"""Confusion matrices on the own test set, percent of the true class: dataset, model."""

TABLE9: dict[str, dict[str, Matrix]] = {
    "fer2013": {
        "mobilenetv2": (
            (9, 0, 0, 0, 42, 49, 0),
            (19, 0, 0, 2, 5, 75, 0),
            (32, 0, 8, 8, 16, 16, 20),
            (0, 0, 0, 100, 0, 1, 0),
            (0, 0, 0, 2, 93, 4, 0),
            (4, 0, 0, 0, 39, 57, 0),
            (0, 0, 6, 0, 5, 1, 88),
        ),
        "clcm": (
            (42, 0, 11, 0, 24, 22, 0),
            (78, 8, 3, 5, 3, 2, 0),
            (0, 0, 48, 4, 0, 32, 16),
            (0, 0, 0, 100, 0, 0, 0),
            (0, 0, 2, 0, 88, 10, 0),
            (0, 0, 18, 0, 11, 71, 0),
            (1, 0, 4, 1, 4, 0, 90),
        ),
        "shufflenetv2": (
            (27, 2, 13, 0, 24, 33, 0),
            (54, 37, 0, 2, 2, 5, 0),
            (0, 4, 20, 4, 8, 48, 16),
            (0, 0, 0, 99, 0, 1, 0),
            (0, 0, 1, 2, 89, 7, 2),
            (0, 0, 18, 0, 14, 68, 0),
            (0, 0, 4, 1, 1, 0, 94),
        ),
    },
    "raf-db": {
        "mobilenetv2": (
            (4, 0, 0, 7, 22, 64, 2),
            (71, 0, 0, 5, 0, 19, 5),
            (8, 0, 0, 8, 40, 44, 0),
            (0, 0, 0, 100, 0, 0, 0),
            (0, 0, 0, 6, 89, 6, 0),
            (0, 0, 0, 0, 36, 64, 0),
            (0, 0, 0, 1, 95, 0, 4),
        ),
        "clcm": (
            (11, 40, 0, 7, 20, 22, 0),
            (12, 78, 0, 5, 3, 2, 0),
            (4, 4, 20, 16, 4, 40, 12),
            (0, 0, 0, 100, 0, 0, 0),
            (0, 0, 1, 5, 89, 5, 0),
            (0, 7, 0, 0, 18, 75, 0),
            (0, 0, 2, 0, 1, 0, 96),
        ),
        "shufflenetv2": (
            (11, 4, 0, 2, 31, 51, 0),
            (42, 47, 0, 7, 2, 2, 0),
            (0, 12, 0, 48, 8, 32, 0),
            (0, 0, 0, 100, 0, 0, 0),
            (3, 6, 0, 7, 58, 24, 2),
            (4, 18, 0, 4, 7, 64, 4),
            (2, 1, 0, 2, 5, 5, 84),
        ),
    },
    "affectnet": {
        "mobilenetv2": (
            (87, 0, 2, 0, 2, 9, 0),
            (8, 92, 0, 2, 2, 0, 0),
            (0, 8, 48, 0, 0, 32, 12),
            (0, 0, 0, 100, 0, 0, 0),
            (2, 0, 0, 4, 91, 3, 0),
            (0, 0, 0, 0, 7, 93, 0),
            (0, 0, 1, 0, 1, 0, 98),
        ),
        "clcm": (
            (91, 4, 0, 0, 2, 2, 0),
            (8, 88, 0, 2, 2, 0, 0),
            (0, 4, 56, 0, 0, 36, 4),
            (0, 0, 0, 100, 0, 0, 0),
            (2, 0, 0, 5, 91, 2, 0),
            (4, 0, 0, 0, 7, 89, 0),
            (0, 0, 0, 0, 1, 0, 99),
        ),
        "shufflenetv2": (
            (89, 0, 0, 0, 11, 0, 0),
            (7, 90, 0, 3, 0, 0, 0),
            (0, 12, 60, 0, 0, 24, 4),
            (0, 0, 0, 100, 0, 0, 0),
            (2, 0, 1, 5, 91, 1, 0),
            (0, 0, 0, 0, 4, 96, 0),
            (0, 0, 1, 0, 1, 0, 98),
        ),
    },
}
"""Confusion matrices on CK+, percent of the true class: dataset trained on, model."""

TABLE9_TRAINED_ON_ORDER = ("raf-db", "affectnet", "fer2013")
"""The order in which Table 9 prints the training datasets, left to right."""

TABLE9_MODEL_ORDER = ("clcm", "mobilenetv2", "shufflenetv2")
"""The order in which Table 9 prints the models, top to bottom."""

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

TABLE11: dict[str, tuple[Literature, ...]] = {
    "fer2013": (
        Literature("FERC", 0.54, "[70]"),
        Literature("MobileNetV2", 0.58, "", "mobilenetv2"),
        Literature("DenseNet121", 0.59, "[73]"),
        Literature("ResNet-50", 0.60, "[73]"),
        Literature("TouchyFeely", 0.61, "[56]"),
        Literature("Custom CNN", 0.62, "[76]"),
        Literature("EXP_DAL_MSE", 0.62, "[77]"),
        Literature("MI+MII+MIII", 0.62, "[55]"),
        Literature("Tiny XCEPTION", 0.63, "[58]"),
        Literature("EfficientNet-B0", 0.63, "[73]"),
        Literature("CLCM (Ours)", 0.63, "", "clcm"),
        Literature("Inception-V3", 0.65, "[73]"),
        Literature("ShuffleNetV2", 0.65, "", "shufflenetv2"),
    ),
    "raf-db": (
        Literature("DNN-CNN", 0.65, "[71]"),
        Literature("AlexNet", 0.68, "[6]"),
        Literature("VGG", 0.70, "[6]"),
        Literature("MobileNetV2", 0.73, "", "mobilenetv2"),
        Literature("Inception-V3", 0.79, "[75]"),
        Literature("ShuffleNetV2", 0.80, "", "shufflenetv2"),
        Literature("ResNet-50", 0.80, "[78]"),
        Literature("DenseNet121", 0.81, "[79]"),
        Literature("BaseDCNN", 0.82, "[6]"),
        Literature("Center loss", 0.83, "[6]"),
        Literature("EfficientNet-B0", 0.84, "[80]"),
        Literature("Custom CNN", 0.84, "[81]"),
        Literature("CLCM (Ours)", 0.84, "", "clcm"),
    ),
    "affectnet": (
        Literature("2Att-CNN", 0.49, "[72]"),
        Literature("VGG-16", 0.51, "[57]"),
        Literature("Deep CNN", 0.52, "[74]"),
        Literature("DLP-CNN", 0.54, "[57]"),
        Literature("P-CNN", 0.54, "[57]"),
        Literature("CLCM (Ours)", 0.54, "", "clcm"),
        Literature("EfficientNet-B0", 0.55, "[73]"),
        Literature("ResNet-50", 0.55, "[73]"),
        Literature("ShuffleNetV2", 0.57, "", "shufflenetv2"),
        Literature("MobileNetV2", 0.57, "", "mobilenetv2"),
        Literature("DenseNet121", 0.58, "[73]"),
        Literature("Inception-V3", 0.58, "[73]"),
        Literature("Custom CNN", 0.61, "[81]"),
    ),
}
"""Overall accuracy beside the literature's: dataset, entries in the printed order."""

COMPLEXITY_LITERATURE: tuple[LiteratureComplexity, ...] = (
    # The sentence ends in "[86], [87], [88], [89]"; the authors that it names are those of these three.
    LiteratureComplexity("FaceChannel", "[89]", parameters_millions=3.6, gflops=0.633),
    LiteratureComplexity("CERN", "[88]", parameters_millions=1.45, gflops=1.781),
    LiteratureComplexity("CAER-Net-S", "[86]", parameters_millions=2.12, gflops=1.717),
    LiteratureComplexity("(2+1)D ConvNet ResNet20", "[84]", inference_s=0.0527),
    LiteratureComplexity("Xu et al.", "[85]", inference_s=0.122),
    LiteratureComplexity("EfficientNet lite0", "[85]", inference_s=0.280),
)
"""Complexity of other models as the discussion quotes it, in its order; on what input and machine it does not say."""

PARAMETERS_LITERATURE: dict[str, float] = {
    "Inception-V3": 24,
    "EfficientNet-B0": 4,
    "ResNet-50": 25,
    "DenseNet121": 7,
}
"""Millions of parameters that section VI states of methods of Table 11; whether with ImageNet's top it does not say."""

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
