"""What section VI says about Tables 4, 5, 8 and 11, quoted."""

from fer_bench import paper
from fer_bench.paper_audit.claims import Alike, Claim, Fails, Leads, Ranks, literature, overall

_MOBILE, _CLCM, _SHUFFLE = paper.MODELS
_RIVALS = (_MOBILE, _SHUFFLE)


def discussion_claims() -> tuple[Claim, ...]:
    """Return the statements."""
    return (
        overall(
            "section VI",
            "an overall accuracy of 58%. In comparison, CLCM achieved an accuracy of 63%, while ShuffleNetV2 achieved "
            "the highest accuracy of 65%",
            4,
            "fer2013",
            mobilenetv2=58,
            clcm=63,
            shufflenetv2=65,
        ),
        overall(
            "section VI",
            "an overall accuracy of 57%, while CLCM achieved a slightly lower accuracy of 54% (see Table 4)",
            4,
            "affectnet",
            mobilenetv2=57,
            shufflenetv2=57,
            clcm=54,
        ),
        overall(
            "section VI",
            "MobileNetV2 achieved a performance level of 65%, while CLCM and ShuffleNetV2 reached an overall accuracy "
            "of 71% (see Table 5)",
            5,
            "fer2013",
            mobilenetv2=65,
            clcm=71,
            shufflenetv2=71,
        ),
        overall(
            "section VI",
            "an overall accuracy of 73%. In comparison, CLCM achieved an accuracy of 84%, while ShuffleNetV2 achieved "
            "an accuracy of 80% (see Table 4)",
            4,
            "raf-db",
            mobilenetv2=73,
            clcm=84,
            shufflenetv2=80,
        ),
        overall(
            "section VI",
            "CLCM achieved 78% accuracy while ShuffleNetV2 achieved 60% and MobileNetV2 achieved 47% accuracy",
            5,
            "raf-db",
            clcm=78,
            shufflenetv2=60,
            mobilenetv2=47,
        ),
        overall("section VI", "CLCM achieved 83% on the RAF-DB dataset", 4, "raf-db", clcm=83),
        overall(
            "section VI",
            "CLCM achieved a performance of 0.54 on the AffectNet dataset",
            4,
            "affectnet",
            clcm=54,
        ),
        Leads(
            "section VI",
            "MobileNetV2 performed less than CLCM and ShuffleNetV2 in accurately discriminating between the 'angry' "
            "and 'fear' categories",
            "fer2013",
            (_CLCM, _SHUFFLE),
            (_MOBILE,),
            ("angry", "fear"),
        ),
        Alike(
            "section VI",
            "CLCM and ShuffleNetV2 achieved close performance in these categories",
            "fer2013",
            (_CLCM, _SHUFFLE),
            ("angry", "fear"),
        ),
        Fails(
            "section VI",
            "MobileNetV2 struggled to discriminate the 'disgust' category",
            8,
            "fer2013",
            (_MOBILE,),
            ("disgust",),
            10,
        ),
        Alike(
            "section VI",
            "CLCM and ShuffleNetV2 performed similarly and achieved comparable results in this particular category",
            "fer2013",
            (_CLCM, _SHUFFLE),
            ("disgust",),
        ),
        Alike(
            "section VI",
            "all three models showed similar performance levels in the 'happy,' 'neutral,' 'sad,' and 'surprise' "
            "classes",
            "fer2013",
            paper.MODELS,
            ("happy", "neutral", "sad", "surprise"),
        ),
        Leads(
            "section VI",
            "CLCM consistently outperforms MobileNetV2 and ShuffleNetV2 for the majority of emotions, namely 'anger,' "
            "'disgust,' 'fear,' 'neutral' and 'surprise.'",
            "raf-db",
            (_CLCM,),
            _RIVALS,
            ("angry", "disgust", "fear", "neutral", "surprise"),
        ),
        Alike(
            "section VI",
            "ShuffleNetV2 performs better than MobileNetV2 in most emotion categories, with performance levels close "
            "to CLCM's",
            "raf-db",
            (_SHUFFLE, _CLCM),
        ),
        Fails(
            "section VI",
            "MobileNetV2 shows failures in correctly recognizing the 'disgust' and 'fear' categories (see Table 8)",
            8,
            "raf-db",
            (_MOBILE,),
            ("disgust", "fear"),
            10,
        ),
        Alike(
            "section VI",
            "MobileNetV2, and ShuffleNetV2 showed similar or close results in almost all categories",
            "affectnet",
            _RIVALS,
        ),
        Fails(
            "section VI",
            "all the models had difficulty distinguishing the categories 'disgust' and 'surprise' from other emotions",
            8,
            "affectnet",
            paper.MODELS,
            ("disgust", "surprise"),
            50,
        ),
        Ranks(
            "section VI",
            "outperformed the reported methods of TouchyFeely [56], MI+MII+MIII [55], EXP-DAL-MSE [77], and had the "
            "same accuracy percentage of Tiny XCEPTION [58]",
            "fer2013",
            63,
            better=(("TouchyFeely", "[56]"), ("MI+MII+MIII", "[55]"), ("EXP_DAL_MSE", "[77]")),
            equal=(("Tiny XCEPTION", "[58]"),),
        ),
        Ranks(
            "section VI",
            "outperforming AlexNet [6], VGG [6], BaseDCNN [6], and MobileNetV2 and ShuffleNetV2",
            "raf-db",
            84,
            better=(("AlexNet", "[6]"), ("VGG", "[6]"), ("BaseDCNN", "[6]"), ("MobileNetV2", ""), ("ShuffleNetV2", "")),
        ),
        Ranks(
            "section VI",
            "obtaining the same or better performance as 2att-CNN [72], VGG-16 [57], P-CNN [57], and DLP-CNN [57]",
            "affectnet",
            54,
            better=(("2Att-CNN", "[72]"), ("VGG-16", "[57]")),
            equal=(("P-CNN", "[57]"), ("DLP-CNN", "[57]")),
        ),
        literature("section VI", "Mozaffari et al. [76] achieved 62% accuracy", fer2013=("Custom CNN", "[76]", 62)),
        literature("section VI", "proposed a CNN model that achieved 54% accuracy", fer2013=("FERC", "[70]", 54)),
        literature("section VI", "Huang et al. [71] reported an accuracy of 65%", raf_db=("DNN-CNN", "[71]", 65)),
        literature(
            "section VI", "achieved an 84% accuracy, the same performance as CLCM", raf_db=("Custom CNN", "[81]", 84)
        ),
        literature("section VI", "obtained an accuracy of 52%", affectnet=("Deep CNN", "[74]", 52)),
        literature("section VI", "by achieving a 61% accuracy", affectnet=("Custom CNN", "[81]", 61)),
        literature(
            "section VI",
            "achieved an accuracy of 65% on the FER2013 dataset, 79% on RAF-DB, and 58% on AffectNet",
            fer2013=("Inception-V3", "[73]", 65),
            raf_db=("Inception-V3", "[75]", 79),
            affectnet=("Inception-V3", "[73]", 58),
        ),
        literature(
            "section VI",
            "EfficientNet-B0 attained an accuracy of 63% on the FER2013 dataset, 84% on RAF-DB, and 55% on AffectNet",
            fer2013=("EfficientNet-B0", "[73]", 63),
            raf_db=("EfficientNet-B0", "[80]", 84),
            affectnet=("EfficientNet-B0", "[73]", 55),
        ),
        literature(
            "section VI",
            "It achieved accuracy 60% on FER2013, 80% on RAF-DB, and 55% on AffectNet",
            fer2013=("ResNet-50", "[73]", 60),
            raf_db=("ResNet-50", "[78]", 80),
            affectnet=("ResNet-50", "[73]", 55),
        ),
        literature(
            "section VI",
            "achieved accuracies of 59% on FER2013, 81% on RAF-DB, and 58% on AffectNet",
            fer2013=("DenseNet121", "[73]", 59),
            raf_db=("DenseNet121", "[79]", 81),
            affectnet=("DenseNet121", "[73]", 58),
        ),
    )
