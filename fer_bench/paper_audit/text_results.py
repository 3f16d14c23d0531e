"""What the abstract and section V say about Tables 4, 5, 8 and 9, quoted."""

from fer_bench import paper
from fer_bench.paper_audit.claims import Alike, Claim, Fails, Leads, overall

_MOBILE, _CLCM, _SHUFFLE = paper.MODELS
_RIVALS = (_MOBILE, _SHUFFLE)


def result_claims() -> tuple[Claim, ...]:
    """Return the statements."""
    return (
        overall(
            "abstract",
            "in the FER-2013 dataset, CLCM achieved an accuracy of 63%, while MobileNetV2 was 58%, and ShuffleNetV2 "
            "65%",
            4,
            "fer2013",
            clcm=63,
            mobilenetv2=58,
            shufflenetv2=65,
        ),
        overall(
            "abstract",
            "In the RAF-DB dataset, CLCM showed 84%, MobileNetV2 73%, and ShuffleNetV2 80%",
            4,
            "raf-db",
            clcm=84,
            mobilenetv2=73,
            shufflenetv2=80,
        ),
        overall(
            "abstract",
            "MobileNetV2 and ShuffleNetV2 showed an accuracy of 57%, while CLCM showed 54%",
            4,
            "affectnet",
            mobilenetv2=57,
            shufflenetv2=57,
            clcm=54,
        ),
        overall(
            "section V-A",
            "CLCM achieved an accuracy of 63%, and ShuffleNetV2 achieved an accuracy of 65% (see Table 4)",
            4,
            "fer2013",
            clcm=63,
            shufflenetv2=65,
        ),
        overall(
            "section V-B",
            "CLCM achieved a performance of 84%, while ShuffleNetV2 achieved 80%, and MobileNetV2 reached 73%",
            4,
            "raf-db",
            clcm=84,
            shufflenetv2=80,
            mobilenetv2=73,
        ),
        overall(
            "section V-C",
            "MobileNetV2 and ShuffleNetV2 showed 57% accuracy, and CLCM showed 54% accuracy",
            4,
            "affectnet",
            mobilenetv2=57,
            shufflenetv2=57,
            clcm=54,
        ),
        overall(
            "section V-D",
            "trained on the FER-2013 dataset achieved 71% accuracy, while MobileNetV2 achieved a lower accuracy of 65%",
            5,
            "fer2013",
            clcm=71,
            shufflenetv2=71,
            mobilenetv2=65,
        ),
        overall(
            "section V-D",
            "achieved an accuracy of 78%, followed by ShuffleNetV2 at 60% and MobileNetV2 at 47%",
            5,
            "raf-db",
            clcm=78,
            shufflenetv2=60,
            mobilenetv2=47,
        ),
        overall(
            "section V-D",
            "ShuffleNetV2 achieved an accuracy of 92%, whereas CLCM and MobileNetV2 showed a slight difference, "
            "achieving an accuracy of 91%",
            5,
            "affectnet",
            shufflenetv2=92,
            clcm=91,
            mobilenetv2=91,
        ),
        Leads(
            "section V-A",
            "CLCM model outperformed MobileNetV2 in classifying the categories 'disgust' and 'fear.'",
            "fer2013",
            (_CLCM,),
            (_MOBILE,),
            ("disgust", "fear"),
        ),
        Leads(
            "section V-A",
            "CLCM outperformed ShuffleNetV2 for the emotion categories 'angry,' 'fear,' and 'surprise.'",
            "fer2013",
            (_CLCM,),
            (_SHUFFLE,),
            ("angry", "fear", "surprise"),
        ),
        Leads(
            "section V-A",
            "ShuffleNetV2 performed better than other models in the 'sad' category",
            "fer2013",
            (_SHUFFLE,),
            (_MOBILE, _CLCM),
            ("sad",),
        ),
        Alike(
            "section V-A",
            "it achieved comparable results to MobileNetV2 and ShuffleNetV2 in the remaining emotion classes",
            "fer2013",
            paper.MODELS,
            ("happy", "neutral", "sad"),
        ),
        Leads(
            "section V-B",
            "CLCM model scored higher for classifying the categories of 'angry,' 'disgust,' 'fear,' 'neutral,' and "
            "'surprise' compared to MobileNetV2 and ShuffleNetV2",
            "raf-db",
            (_CLCM,),
            _RIVALS,
            ("angry", "disgust", "fear", "neutral", "surprise"),
        ),
        Alike(
            "section V-B",
            "MobileNetV2 performed similar results on the 'sad,' 'neutral,' 'angry,' and 'happy' categories as CLCM",
            "raf-db",
            (_MOBILE, _CLCM),
            ("sad", "neutral", "angry", "happy"),
        ),
        Leads(
            "section V-B",
            "CLCM performed better than ShuffleNetV2 in discriminating most emotion categories, including 'angry,' "
            "'disgust,' 'fear,' 'happy,' 'neutral,' and 'surprise.'",
            "raf-db",
            (_CLCM,),
            (_SHUFFLE,),
            ("angry", "disgust", "fear", "happy", "neutral", "surprise"),
        ),
        Leads(
            "section V-C",
            "MobileNetV2 and ShuffleNetV2 achieved higher scores in classifying the categories of 'angry,' 'disgust,' "
            "'fear,' and 'surprise.'",
            "affectnet",
            _RIVALS,
            (_CLCM,),
            ("angry", "disgust", "fear", "surprise"),
        ),
        Alike(
            "section V-C",
            "CLCM performed similarly to MobileNetV2 and ShuffleNetV2 in the 'angry,' 'disgust,' 'fear,' 'surprise,' "
            "and 'sad' categories",
            "affectnet",
            paper.MODELS,
            ("angry", "disgust", "fear", "surprise", "sad"),
        ),
        Fails(
            "section V-D",
            "MobileNetV2, trained on the RAF-DB dataset, showed limitations in identifying the emotions labeled "
            "'disgust' and 'fear.'",
            9,
            "raf-db",
            (_MOBILE,),
            ("disgust", "fear"),
            10,
        ),
        Fails(
            "section V-D",
            "MobileNetV2 and ShuffleNetV2 models could not detect the 'fear' category",
            9,
            "raf-db",
            _RIVALS,
            ("fear",),
            0,
        ),
        Fails(
            "section V-D",
            "CLCM had difficulty distinguishing it from other emotion categories",
            9,
            "raf-db",
            (_CLCM,),
            ("fear",),
            50,
        ),
        Fails(
            "section V-D",
            "MobileNetV2, trained on the FER-2013 dataset, showed an inability to identify the 'disgust'",
            9,
            "fer2013",
            (_MOBILE,),
            ("disgust",),
            0,
        ),
        Fails(
            "section V-D",
            "CLCM and ShuffleNetV2 had difficulty distinguishing 'disgust' from other categories",
            9,
            "fer2013",
            (_CLCM, _SHUFFLE),
            ("disgust",),
            50,
        ),
    )
