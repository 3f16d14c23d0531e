"""What the paper quotes of others: accuracies (Table 11) and complexity (section VI)."""

from dataclasses import dataclass


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
