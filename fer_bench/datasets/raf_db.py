"""RAF-DB, the basic (seven-class) part: its card (paper, section III-A)."""

from fer_bench.datasets.card import DatasetCard, Layout, Protocol
from fer_bench.datasets.raf_db_folders import read_class_folders, recognise_class_folders
from fer_bench.datasets.raf_db_official import (
    LABELS,
    read_aligned,
    read_original,
    recognise_aligned,
    recognise_original,
)
from fer_bench.emotions import EMOTIONS

_PROTOCOL = Protocol(
    name="basic",
    version=1,
    description=(
        "Every picture of the basic part in its official split, with its one label; neutral is one of the seven "
        "classes, contempt does not occur."
    ),
    counts={
        "train": (705, 717, 281, 4772, 2524, 1982, 1290),
        "test": (162, 160, 74, 1185, 680, 478, 329),
    },
)

_ALIGNED = (100, 100)
"""Height and width of the aligned faces, pixels."""

_ALIGNED_TREE = """\
basic/
  EmoLabel/list_patition_label.txt                    lines such as: train_00001.jpg 5
  Image/aligned/train_00001_aligned.jpg ...           12,271 faces, 100 x 100 pixels
  Image/aligned/test_0001_aligned.jpg ...             3,068 faces
  Annotation/manual/train_00001_manu_attri.txt ...    gender, race and age group; may be left out"""

_ORIGINAL_TREE = """\
basic/
  EmoLabel/list_patition_label.txt                          lines such as: train_00001.jpg 5
  Image/original/train_00001.jpg ...                        12,271 photographs of any size
  Image/original/test_0001.jpg ...                          3,068 photographs
  Annotation/boundingbox/train_00001_boundingbox.txt ...    the face: left, top, right, bottom; for --crop box
  Annotation/manual/train_00001_manu_attri.txt ...          gender, race and age group; may be left out"""

_CLASS_FOLDERS_TREE = """\
DATASET/
  train/1/train_00001_aligned.jpg ...    folders 1 to 7, the codes of the label list
  test/1/test_0001_aligned.jpg ...
train_labels.csv                         columns image and label; may be left out
test_labels.csv"""

CARD = DatasetCard(
    name="raf-db",
    title="RAF-DB",
    size=_ALIGNED,
    trainable=True,
    protocols=(_PROTOCOL,),
    label_map={code: EMOTIONS[index] for code, index in LABELS.items()},
    layouts=(
        Layout(
            name="aligned",
            description="basic/EmoLabel/list_patition_label.txt and basic/Image/aligned/train_00001_aligned.jpg ...",
            tree=_ALIGNED_TREE,
            recognise=recognise_aligned,
            read=read_aligned,
            protocols=("basic",),
            names_subjects=False,
            native=(_ALIGNED,),
        ),
        Layout(
            name="original",
            description="basic/EmoLabel/list_patition_label.txt and basic/Image/original/train_00001.jpg ...",
            tree=_ORIGINAL_TREE,
            recognise=recognise_original,
            read=read_original,
            protocols=("basic",),
            names_subjects=False,
            crops=("box", "none"),
        ),
        Layout(
            name="class-folders",
            description="train/ and test/, each with folders 1 to 7 of pictures named train_00001_aligned.jpg ...",
            tree=_CLASS_FOLDERS_TREE,
            recognise=recognise_class_folders,
            read=read_class_folders,
            protocols=("basic",),
            names_subjects=False,
            native=(_ALIGNED,),
        ),
    ),
    licence=(
        "Non-commercial research and education only. The pictures come from the Internet and keep their owners' "
        "rights; the authors (PRIS, Beijing University of Posts and Telecommunications) give them out under terms of "
        "their own. Do not pass the pictures on."
    ),
    access="http://www.whdeng.cn/RAF/model1.html: its authors grant access on request by e-mail.",
    files=(
        "The basic (single-label) part: EmoLabel/list_patition_label.txt and Image/aligned.zip; for the attributes "
        "also Annotation/manual.zip, for the layout original Image/original.zip and Annotation/boundingbox.zip (since "
        "version 1.1 of the archive)."
    ),
    citation=(
        "S. Li, W. Deng and J. Du, 'Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression "
        "Recognition in the Wild', in IEEE Conference on Computer Vision and Pattern Recognition (CVPR), 2017, "
        "pp. 2584-2593. doi:10.1109/CVPR.2017.277"
    ),
    split_by="id",
)
