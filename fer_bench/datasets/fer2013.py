"""FER-2013: its card (paper, section III-A)."""

from fer_bench.datasets import fer2013_doubts, fer2013_folders, fer2013_tables
from fer_bench.datasets.card import DatasetCard, Layout, Protocol
from fer_bench.datasets.fer2013_folders import TEST
from fer_bench.datasets.fer2013_tables import CODES, FERPLUS, ORIGINAL, SIDE
from fer_bench.emotions import EMOTIONS

_COUNTS = {
    "Training": (3995, 436, 4097, 7215, 4965, 4830, 3171),
    "PublicTest": (467, 56, 496, 895, 607, 653, 415),
    "PrivateTest": (491, 55, 528, 879, 626, 594, 416),
}
_TEST = tuple(map(sum, zip(_COUNTS["PublicTest"], _COUNTS["PrivateTest"], strict=True)))

_CSV_TREE = """\
fer2013/
  fer2013.csv         emotion,pixels,Usage (or icml_face_data.csv, the same table with other headings)
  fer2013new.csv      the votes of FER+, for the protocol ferplus-majority only"""

_SPLIT_TREE = """\
fer2013/
  train.csv           emotion,pixels (and Usage): the rows of the part Training
  val.csv             PublicTest (or valid.csv, validation.csv)
  test.csv            PrivateTest
  fer2013new.csv      the votes of FER+, for the protocol ferplus-majority only"""

_FOLDERS_TREE = """\
fer2013/
  train/
    angry/            Training_10118481.jpg ...
    disgust/ fear/ happy/ neutral/ sad/ surprise/
  test/
    angry/            PrivateTest_10131363.jpg, PublicTest_10033904.jpg ...
    disgust/ fear/ happy/ neutral/ sad/ surprise/"""

_RENAMED_TREE = """\
fer2013/
  train/
    angry/            im0.png, im1.png ...
    disgust/ fear/ happy/ neutral/ sad/ surprise/
  test/
    angry/            im0.png, im1.png ...
    disgust/ fear/ happy/ neutral/ sad/ surprise/"""

CARD = DatasetCard(
    name="fer2013",
    title="FER-2013",
    size=(SIDE, SIDE),
    trainable=True,
    protocols=(
        Protocol(
            ORIGINAL,
            1,
            "Every image with its label of the challenge: seven classes, neutral is one of them, contempt is none.",
            _COUNTS,
        ),
        Protocol(
            FERPLUS,
            1,
            "The images and parts of the challenge with the label, neutral included, that has more than half of the "
            "votes of FER+, single votes not counted; images without such a majority, and those whose majority is "
            "contempt, unknown or not a face, are left out.",
            None,
        ),
    ),
    label_map={str(code): EMOTIONS[index] for code, index in enumerate(CODES)},
    layouts=(
        Layout(
            "csv",
            "fer2013.csv or icml_face_data.csv (or such a table under another name, named itself) with the columns "
            "emotion, pixels and Usage",
            _CSV_TREE,
            fer2013_tables.recognise_whole,
            fer2013_tables.read_whole,
            protocols=(ORIGINAL, FERPLUS),
            names_subjects=False,
            doubts=fer2013_doubts.doubts_of_whole,
        ),
        Layout(
            "split-csv",
            "train.csv, val.csv and test.csv with the columns emotion and pixels",
            _SPLIT_TREE,
            fer2013_tables.recognise_split,
            fer2013_tables.read_split,
            protocols=(ORIGINAL, FERPLUS),
            names_subjects=False,
            doubts=fer2013_doubts.doubts_of_split,
        ),
        Layout(
            "folders",
            "train/ and test/ (val/ too), each with a folder a class (angry, disgust, fear, happy, neutral, sad, "
            "surprise) of pictures named Training_..., PublicTest_... or PrivateTest_...",
            _FOLDERS_TREE,
            fer2013_folders.recognise,
            fer2013_folders.read,
            protocols=(ORIGINAL,),
            names_subjects=False,
            native=((SIDE, SIDE),),
        ),
        Layout(
            "folders-renamed",
            "train/ and test/, each with a folder a class of 48 x 48 pictures whose names do not say the official part",
            _RENAMED_TREE,
            fer2013_folders.recognise_renamed,
            fer2013_folders.read_renamed,
            protocols=(ORIGINAL,),
            names_subjects=False,
            counts={"Training": _COUNTS["Training"], TEST: _TEST},
            official=False,
            native=((SIDE, SIDE),),
        ),
    ),
    licence=(
        "None that covers the pictures: they came from a web image search (Goodfellow et al., 2013) and keep their "
        "owners' rights. The rules of the Kaggle competition name no licence for the data and forbid sharing it "
        "privately outside a team. The folder edition is marked on Kaggle, as far as known, as Open Database with "
        "Database Contents License, by its uploader. The FER+ votes are under the MIT licence. Do not pass the "
        "pictures on."
    ),
    access=(
        "Kaggle, with an account: the competition 'Challenges in Representation Learning: Facial Expression "
        "Recognition Challenge', https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-"
        "challenge/data, after accepting its rules; or the folder edition, https://www.kaggle.com/datasets/msambare/"
        "fer2013. The FER+ votes: https://github.com/microsoft/FERPlus, open to all."
    ),
    files=(
        "Of the competition icml_face_data.csv, or fer2013.tar.gz with fer2013.csv in it (its train.csv and test.csv "
        "are not enough: test.csv has no labels); or the whole folder edition. For the protocol ferplus-majority also "
        "fer2013new.csv of FER+, beside the table."
    ),
    citation=(
        "I. J. Goodfellow, D. Erhan, P. L. Carrier, A. Courville, M. Mirza, et al., 'Challenges in Representation "
        "Learning: A Report on Three Machine Learning Contests', in Neural Information Processing (ICONIP 2013), "
        "LNCS 8228, pp. 117-124, 2013. doi:10.1007/978-3-642-42051-1_16. For the FER+ labels: E. Barsoum, C. Zhang, "
        "C. Canton Ferrer and Z. Zhang, 'Training Deep Networks for Facial Expression Recognition with Crowd-Sourced "
        "Label Distribution', in ACM International Conference on Multimodal Interaction (ICMI), 2016. arXiv:1608.01041"
    ),
    split_by="pixels",
)
