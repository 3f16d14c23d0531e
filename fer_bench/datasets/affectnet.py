"""AffectNet with the paper's seven classes: its card (paper, section III-A)."""

from fer_bench.datasets.affectnet_codes import CODES, OTHER
from fer_bench.datasets.affectnet_folders import doubts_of_class_folders, read_class_folders, recognise_class_folders
from fer_bench.datasets.affectnet_npy import read_npy, recognise_npy
from fer_bench.datasets.affectnet_tables import read_manual_csv, recognise_manual_csv
from fer_bench.datasets.card import DatasetCard, Layout, Protocol
from fer_bench.emotions import EMOTIONS

_PROTOCOL = Protocol(
    name="seven",
    version=1,
    description=(
        "Every manually labelled image of the seven classes, neutral included, with the official validation set as "
        "test set; contempt, none, uncertain and no face are left out."
    ),
    counts={
        "train_set": (24882, 3803, 6378, 134415, 74874, 25459, 14090),
        "val_set": (500,) * len(EMOTIONS),
    },
)

_NPY_TREE = """\
train_set/
  images/0.jpg ...                283,901 faces of the seven classes, and contempt
  annotations/0_exp.npy ...       the expression code; _val, _aro and _lnd are not read
val_set/
  images/0.jpg ...                3,500 faces of the seven classes, and contempt
  annotations/0_exp.npy ..."""

_MANUAL_CSV_TREE = """\
Manually_Annotated_Images/1/0a1b2c3d.jpg ...    420,299 pictures of any size in numbered folders
Manually_Annotated_file_lists/
  training.csv                                  414,799 rows: subDirectory_filePath, face_x, face_y, face_width,
  validation.csv                                5,500 rows    face_height, facial_landmarks, expression, ...
(both folders, or the tables alone, may lie in one named Manually_Annotated...)"""

_CLASS_FOLDERS_TREE = """\
train/0/image0000001.jpg ...    folders 0 to 7 (AffectNet's codes), or all named by emotions: train/happy ...
val/0/image0000002.jpg ...      or valid/, validation/, test/"""

CARD = DatasetCard(
    name="affectnet",
    title="AffectNet",
    size=(224, 224),
    trainable=True,
    protocols=(_PROTOCOL,),
    label_map={str(code): EMOTIONS[index] for code, index in enumerate(CODES)}
    | {str(code): name for code, name in OTHER.items()},
    layouts=(
        Layout(
            name="npy",
            description="train_set/ and val_set/, each with images/0.jpg ... and annotations/0_exp.npy ...",
            tree=_NPY_TREE,
            recognise=recognise_npy,
            read=read_npy,
            protocols=("seven",),
            names_subjects=False,
        ),
        Layout(
            name="manual-csv",
            description="Manually_Annotated_Images/1/... with training.csv and validation.csv",
            tree=_MANUAL_CSV_TREE,
            recognise=recognise_manual_csv,
            read=read_manual_csv,
            protocols=("seven",),
            names_subjects=False,
            crops=("box", "none"),
        ),
        Layout(
            name="class-folders",
            description="train/ and val/ (or valid, validation, test), each with all of the folders 0 to 7, or folders "
            "named by emotions",
            tree=_CLASS_FOLDERS_TREE,
            recognise=recognise_class_folders,
            read=read_class_folders,
            protocols=("seven",),
            names_subjects=False,
            official=False,
            doubts=doubts_of_class_folders,
        ),
    ),
    licence=(
        "Research only, under a licence agreement with its authors that a professor or the manager of a laboratory "
        "signs. Do not pass the pictures on."
    ),
    access=(
        "http://mohammadmahoor.com/pages/databases/affectnet/: a professor or the manager of a laboratory signs the "
        "licence agreement and attaches it to the request form; students ask their supervisors."
    ),
    files=(
        "The edition with train_set and val_set (cropped pictures, annotations as .npy files); or, of the older one, "
        "Manually_Annotated.part01.rar and the parts that follow, and Manually_Annotated_file_lists.zip. The "
        "automatically annotated pictures are not read."
    ),
    citation=(
        "A. Mollahosseini, B. Hasani and M. H. Mahoor, 'AffectNet: A Database for Facial Expression, Valence, and "
        "Arousal Computing in the Wild', IEEE Transactions on Affective Computing, vol. 10, no. 1, pp. 18-31, 2019. "
        "doi:10.1109/TAFFC.2017.2740923"
    ),
    split_by="id",
)
