"""CK+, the cross-test set: its card (paper, sections III-A and V-C).

The paper's CK+ matrices fit 432 images: the peak frame of each of the 309 labelled sequences that are not contempt,
and 123 neutral frames, as many as there are subjects.
"""

from fer_bench.datasets import ck_plus_48, ck_plus_sequences
from fer_bench.datasets.card import DatasetCard, Layout, Protocol
from fer_bench.datasets.ck_plus_landmarks import face_box
from fer_bench.datasets.ck_plus_sequences import CODES, CONTEMPT_CODE
from fer_bench.emotions import CONTEMPT, EMOTIONS

__all__ = ["CARD", "face_box"]

_PEAKS = (45, 59, 25, 69, 0, 28, 83)
_NEUTRAL = (0, 0, 0, 0, 123, 0, 0)
_LAST_THREE = tuple(3 * count for count in _PEAKS)
# 920 rows = 593 + 327: a neutral one for each sequence and an emotional one for each labelled sequence, 18 of those
# contempt; 902 are left.
_EXTENDED = (45, 59, 25, 69, 593, 28, 83)

_FRAMES = ((490, 640), (480, 640))
"""Heights and widths of the frames (Lucey et al., 2010). In frames that are only a little smaller the landmarks still
lie within, beside the face: their size alone tells."""

_CODES = {0: "neutral", CONTEMPT_CODE: CONTEMPT} | {code: EMOTIONS[index] for code, index in CODES.items()}

CARD = DatasetCard(
    name="ck-plus",
    title="CK+",
    size=(224, 224),
    trainable=False,
    protocols=(
        Protocol(
            "paper-432",
            1,
            "The peak (last) frame of each of the 309 labelled sequences that are not contempt, and one neutral frame "
            "for each of the 123 subjects, the first frame of the subject's first sequence in sorted order, labelled "
            "or not; contempt is left out. The paper does not say where its neutral images come from: this choice is "
            "fer-bench's, and gives as many images, 432, as fit its matrices.",
            {"peak": _PEAKS, "neutral": _NEUTRAL},
        ),
        Protocol(
            "peak-309",
            1,
            "The peak (last) frame of each of the 309 labelled sequences that are not contempt; contempt is left out, "
            "and there are no neutral images.",
            {"peak": _PEAKS},
        ),
        Protocol(
            "last-three",
            1,
            "The last three frames of each of the 309 labelled sequences that are not contempt, 927 images of which "
            "three each are nearly the same; contempt is left out, and there are no neutral images.",
            {"last-three": _LAST_THREE},
        ),
        Protocol(
            "ckextended",
            1,
            "The rows of ckextended.csv without the 18 of contempt: 593 neutral ones, as many as there are sequences, "
            "and 309 of the six emotions; its column Usage is ignored, all 902 are test images.",
            {"ckextended": _EXTENDED},
        ),
    ),
    label_map={str(code): _CODES[code] for code in sorted(_CODES)},
    layouts=(
        Layout(
            name="sequences",
            description=(
                "cohn-kanade-images/S005/001/S005_001_00000001.png ..., Emotion/S005/001/..._emotion.txt and, for the "
                "face crop, Landmarks/S005/001/..._landmarks.txt"
            ),
            tree="""\
cohn-kanade-images/                      from extended-cohn-kanade-images.zip
    S005/001/S005_001_00000001.png ...   the frames of a sequence, from neutral to the peak
Emotion/                                 from Emotion_labels.zip
    S005/001/S005_001_00000011_emotion.txt
Landmarks/                               from Landmarks.zip; not needed with --crop none
    S005/001/S005_001_00000001_landmarks.txt ...
or each archive in a folder of its own name: Emotion_labels/Emotion/S005/...""",
            recognise=ck_plus_sequences.recognise,
            read=ck_plus_sequences.read,
            protocols=("paper-432", "peak-309", "last-three"),
            names_subjects=True,
            crops=("landmarks", "none"),
            doubts=ck_plus_sequences.doubts,
            native=_FRAMES,
        ),
        Layout(
            name="ck48",
            description="CK+48/ with a folder a class (anger, contempt, disgust, ...) of S010_004_00000017.png ...",
            tree="""\
CK+48/                                   the faces of the last three frames, 48 x 48 pixels
    anger/S010_004_00000017.png ...      135 pictures
    contempt/                             54, left out
    disgust/                             177
    fear/                                 75
    happy/                               207
    sadness/                              84
    surprise/                            249""",
            recognise=ck_plus_48.recognise_folders,
            read=ck_plus_48.read_folders,
            protocols=("last-three",),
            names_subjects=True,
            native=((ck_plus_48.SIDE, ck_plus_48.SIDE),),
        ),
        Layout(
            name="ckextended",
            description="ckextended.csv with the columns emotion, pixels and Usage",
            tree="""\
ckextended.csv                           920 rows of 48 x 48 pixels, with a header:
    emotion,pixels,Usage
    6,36 39 35 ... 24,Training           0 angry 1 disgust 2 fear 3 happy 4 sad 5 surprise 6 neutral 7 contempt""",
            recognise=ck_plus_48.recognise_table,
            read=ck_plus_48.read_table,
            protocols=("ckextended",),
            names_subjects=False,
            doubts=ck_plus_48.doubts_of_table,
        ),
    ),
    licence=(
        "For research, under an agreement to be signed; Consent-for-publication.doc comes with the files. Read both "
        "before you use the pictures or show one, and pass none on. CK+48 and ckextended.csv are made of the same "
        "pictures by others."
    ),
    access=(
        "Affect Analysis Group, University of Pittsburgh: https://www.jeffcohn.net/Resources/ has the agreement form. "
        "CK+48 and ckextended.csv go round on Kaggle (shawon10/ckplus, davilsena/ckdataset)."
    ),
    files=(
        "extended-cohn-kanade-images.zip (593 sequences, 10,708 frames), Emotion_labels.zip (327 labels) and, for the "
        "face crop, Landmarks.zip (68 points a frame). FACS_labels.zip is not needed."
    ),
    citation=(
        "P. Lucey, J. F. Cohn, T. Kanade, J. Saragih, Z. Ambadar and I. Matthews, 'The Extended Cohn-Kanade Dataset "
        "(CK+): A Complete Dataset for Action Unit and Emotion-Specified Expression', in IEEE Conference on Computer "
        "Vision and Pattern Recognition Workshops, 2010, pp. 94-101. doi:10.1109/CVPRW.2010.5543262"
    ),
)
