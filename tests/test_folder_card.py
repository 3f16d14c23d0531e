"""A dataset described by a TOML file: what it says is what is read, and what it does not say is never guessed."""

import dataclasses
import os
import re
import tempfile
import tomllib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from fer_bench.datasets import dataset_cards
from fer_bench.datasets.card import LEFT_OUT, Choice, DatasetCard, Flaw, Reading, Sample
from fer_bench.datasets.folder import is_utf8, shown
from fer_bench.datasets.folder_card import load_card
from fer_bench.datasets.recognition import recognise
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.workspace import Workspace

FULL = r"""
name = "my-faces"
title = "My faces"
size = [96, 64]
licence = "Mine."
access = "Ask me."
files = "faces.zip"
citation = "Me, 2024."

[splits]
train = "train"
validation = "test"

[labels]
joie = "happy"
mepris = "left out"

[counts]
train = [1, 0, 0, 2, 0, 0, 0]
validation = [0, 0, 0, 1, 0, 0, 0]

[groups]
pattern = "^(S\\d+)_"
"""


def card(folder: Path, text: str) -> DatasetCard:
    path = folder / "card.toml"
    path.write_text(text, encoding="utf-8")
    return load_card(path)


def refused(folder: Path, text: str, *parts: str) -> None:
    with pytest.raises(FerBenchError) as error:
        card(folder, text)
    for part in (str(folder / "card.toml"), *parts):
        assert part in str(error.value)


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"a picture")


def read(chosen: DatasetCard, source: Path) -> tuple[list[Sample], list[Flaw], Reading]:
    found = recognise(chosen, source)
    reading = found.layout.read(found.root, Choice("folders", "none"))
    items = list(reading.samples)
    return [one for one in items if isinstance(one, Sample)], [one for one in items if isinstance(one, Flaw)], reading


def test_a_full_card_says_all_that_the_file_says(tmp_path: Path) -> None:
    full = card(tmp_path, FULL)
    assert (full.name, full.title, full.size, full.trainable) == ("my-faces", "My faces", (96, 64), True)
    assert (full.licence, full.access, full.files, full.citation) == ("Mine.", "Ask me.", "faces.zip", "Me, 2024.")
    assert full.counts == {"train": (1, 0, 0, 2, 0, 0, 0), "validation": (0, 0, 0, 1, 0, 0, 0)}
    assert full.label_map == {"joie": "happy", "mepris": LEFT_OUT}
    (protocol,) = full.protocols
    assert (protocol.name, protocol.version) == ("folders", 1)
    assert "mepris" in protocol.description
    (layout,) = full.layouts
    assert (layout.name, layout.official, layout.protocols, layout.crops) == (
        "class-folders",
        True,
        ("folders",),
        ("none",),
    )
    assert "joie" in layout.description
    assert layout.tree.startswith("train/\n  joie/")


def test_a_name_is_enough(tmp_path: Path) -> None:
    least = card(tmp_path, 'name = "my_faces2"\n')
    assert (least.title, least.size, least.trainable, least.protocols[0].counts) == (
        "my_faces2",
        (224, 224),
        False,
        None,
    )
    assert least.licence == "not stated in card.toml"
    assert least.label_map == {emotion: emotion for emotion in EMOTIONS}


def test_a_title_is_one_line(tmp_path: Path) -> None:
    """As manifests and tables need it."""
    assert card(tmp_path, 'name = "x"\ntitle = """My\n  faces\n"""\n').title == "My faces"


def test_pictures_are_read_with_split_label_part_subject_and_id(tmp_path: Path) -> None:
    put(tmp_path / "data", "train/joie/S01_1.jpg", "train/joie/S02_1.PNG", "train/Anger/S01_2.jpg")
    put(
        tmp_path / "data",
        "validation/joie/S03_1.jpg",
        "train/mepris/S09_1.jpg",
        "train/joie/Thumbs.db",
        "train/joie/list.txt",
    )
    samples, flaws, reading = read(card(tmp_path, FULL), tmp_path / "data")
    happy, angry = EMOTIONS.index("happy"), EMOTIONS.index("angry")
    assert flaws == []
    assert samples == [
        Sample("train/Anger/S01_2", "train", angry, "train/Anger/S01_2.jpg", "train", group="S01"),
        Sample("train/joie/S01_1", "train", happy, "train/joie/S01_1.jpg", "train", group="S01"),
        Sample("train/joie/S02_1", "train", happy, "train/joie/S02_1.PNG", "train", group="S02"),
        Sample("validation/joie/S03_1", "test", happy, "validation/joie/S03_1.jpg", "validation", group="S03"),
    ]
    assert reading.label_map == {"Anger": "angry", "joie": "happy", "mepris": LEFT_OUT}
    notes = " ".join(reading.notes)
    assert "train/mepris/ was left out, as the card says (pictures: 1)." in notes
    assert "train/joie/ holds files that are no pictures by their ending, not read: list.txt." in notes
    assert "Thumbs.db" not in notes


def test_a_workspace_is_no_class_folder_and_a_lock_of_another_program_hides_none(
    tmp_path: Path,
) -> None:
    put(tmp_path, "happy/1.jpg", "happy/.lock", "sad/2.jpg")
    with Workspace(tmp_path / "workspace").lock():
        pass
    (tmp_path / "workspace" / "fer-bench.log").touch()
    samples, _, _ = read(card(tmp_path, 'name = "x"'), tmp_path)
    assert [sample.source for sample in samples] == ["happy/1.jpg", "sad/2.jpg"]


def test_without_splits_the_class_folders_lie_in_the_source_and_all_are_test(tmp_path: Path) -> None:
    put(tmp_path / "data", "fear/a.jpg", "sad/b.jpg")
    plain = card(tmp_path, 'name = "plain"\n[counts]\ntest = [0, 0, 1, 0, 0, 1, 0]\n')
    samples, _, _ = read(plain, tmp_path / "data")
    assert [(one.id, one.split, one.part, EMOTIONS[one.label], one.group) for one in samples] == [
        ("fear/a", "test", "test", "fear", ""),
        ("sad/b", "test", "test", "sad", ""),
    ]
    assert plain.counts == {"test": (0, 0, 1, 0, 0, 1, 0)}


def test_what_macos_leaves_is_neither_picture_nor_class(tmp_path: Path) -> None:
    """Resource forks lie beside the pictures, and in ``__MACOSX`` in folders of the same names."""
    for text, top in (('name = "mine"', tmp_path / "plain"), (FULL, tmp_path / "split")):
        tops = [top / "train", top / "validation"] if text == FULL else [top]
        for place in tops:
            put(place, "happy/S1_a.jpg", "__MACOSX/happy/S1_a.jpg", "__MACOSX/S1_a.jpg", "happy/._S1_a.jpg")
            put(place, "__MACOSX/happy/._S1_a.jpg", "._S2_a.jpg", "__MACOSX/._S1_a.jpg", "happy/__MACOSX/S1_a.jpg")
        put(top, "__MACOSX/train/happy/S1_a.jpg", "._train")
        chosen = card(tmp_path, text)
        samples, flaws, reading = read(chosen, top)
        found = [place.relative_to(top).as_posix().lstrip(".") for place in tops]
        assert [one.source for one in samples] == [f"{name}/happy/S1_a.jpg".lstrip("/") for name in found]
        assert flaws == []
        assert reading.label_map == {"happy": "happy"}
        assert not any("S1" in note or "MACOSX" in note for note in reading.notes)
        assert "1 class folder" in recognise(chosen, top).evidence


def test_the_folder_is_recognised_with_evidence_or_what_was_expected(tmp_path: Path) -> None:
    put(tmp_path / "data", "train/joie/S01_1.jpg", "train/sad/S01_2.jpg", "train/notes/a.txt")
    full = card(tmp_path, FULL)
    with pytest.raises(
        FerBenchError, match=r"not recognised as My faces.*\n.*train/ and validation/, each with a folder"
    ):
        recognise(full, tmp_path / "data")
    put(tmp_path / "data", "validation/joie/S03_1.jpg")
    found = recognise(full, tmp_path)
    assert found.root == tmp_path / "data"
    assert found.evidence == "train/ with 2 class folders and validation/ with 1 class folder"
    assert full.layouts[0].recognise(tmp_path / "card.toml") is None


def test_an_unknown_folder_is_never_a_class(tmp_path: Path) -> None:
    put(tmp_path / "data", "happy/a.jpg", "contempt/b.jpg")
    with pytest.raises(FerBenchError, match=r"contempt: its class is unknown.*\[labels\]"):
        read(card(tmp_path, 'name = "plain"'), tmp_path / "data")
    labelled = card(tmp_path, 'name = "plain"\n[labels]\ncontempt = "left out"\n')
    samples, _, reading = read(labelled, tmp_path / "data")
    assert [one.id for one in samples] == ["happy/a"]
    assert reading.label_map == {"happy": "happy", "contempt": LEFT_OUT}


def test_the_file_has_the_last_word_about_a_usual_name(tmp_path: Path) -> None:
    put(tmp_path / "data", "0/a.jpg", "happy/b.jpg")
    samples, _, _ = read(card(tmp_path, 'name = "odd"\n[labels]\n0 = "fear"\nhappy = "sad"\n'), tmp_path / "data")
    assert [EMOTIONS[one.label] for one in samples] == ["fear", "sad"]


def test_a_line_of_labels_is_of_its_folder_in_any_case(tmp_path: Path) -> None:
    put(tmp_path / "data", "Happy/a.jpg", "Neutral/b.jpg", "ÉTONNÉ/c.jpg")
    text = 'name = "odd"\n[labels]\nneutral = "left out"\nhappy = "sad"\n"étonné" = "surprise"\nTriste = "sad"\n'
    samples, _, reading = read(card(tmp_path, text), tmp_path / "data")
    assert {one.source: EMOTIONS[one.label] for one in samples} == {"Happy/a.jpg": "sad", "ÉTONNÉ/c.jpg": "surprise"}
    assert reading.label_map["Neutral"] == LEFT_OUT
    assert "[labels] names folders that are not there: Triste." in reading.notes


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_accent_matches_however_the_disk_spells_it(tmp_path: Path, form: str) -> None:
    put(tmp_path / "data", unicodedata.normalize(form, "colère") + "/a.jpg")
    samples, _, reading = read(card(tmp_path, 'name = "fr"\n[labels]\n"colère" = "angry"\n'), tmp_path / "data")
    assert EMOTIONS[samples[0].label] == "angry"
    assert reading.notes == []


def test_pictures_outside_the_class_folders_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "data", "train/joie/S01_1.jpg", "validation/joie/S02_1.jpg", "validation/S03_1.jpg")
    with pytest.raises(FerBenchError, match=r"validation/S03_1.jpg: a picture outside the class folders \(1 such\)"):
        read(card(tmp_path, FULL), tmp_path / "data")


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_is_named_as_a_class_and_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    """A link to a disk that is not mounted: the class would be missing without a word."""
    put(tmp_path / "data", "sad/1.jpg", "notes.txt")
    (tmp_path / "data/angry.jpg.txt").symlink_to("nowhere")
    assert read(card(tmp_path, 'name = "plain"'), tmp_path / "data")
    happy = tmp_path / "data/Happiness"
    if kind == "link":
        happy.symlink_to(tmp_path / "not-mounted/happy")
    else:
        happy.touch()
    with pytest.raises(FerBenchError, match=r"data/Happiness: no folder, or a link that leads nowhere"):
        read(card(tmp_path, 'name = "plain"'), tmp_path / "data")


def test_a_folder_inside_a_class_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "data", "sad/S01/1.jpg", "sad/2.jpg")
    with pytest.raises(FerBenchError, match=r"sad/S01: a folder inside a class folder"):
        read(card(tmp_path, 'name = "plain"'), tmp_path / "data")


def test_a_link_out_of_the_dataset_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "data/sad/1.jpg", "elsewhere/2.jpg")
    (tmp_path / "data/happy").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        read(card(tmp_path, 'name = "plain"'), tmp_path / "data")


def test_single_pictures_that_cannot_be_taken_are_flaws_and_the_rest_is_read(tmp_path: Path) -> None:
    latin = os.fsdecode(b"S03_fr\xf6hlich.jpg")
    put(
        tmp_path / "data",
        "train/joie/S01_1.jpg",
        "train/joie/S01_1.png",
        f"train/joie/{latin}",
        "train/joie/nobody.jpg",
    )
    put(tmp_path / "data", "train/joie/animated_S02_1.gif", "train/joie/S04_1.gif", "validation/sad/S05_1.jpg")
    samples, flaws, _ = read(card(tmp_path, FULL), tmp_path / "data")
    assert [one.id for one in samples] == ["train/joie/S01_1", "train/joie/S04_1", "validation/sad/S05_1"]
    found = {flaw.source: flaw.reason for flaw in flaws}
    assert "S01_1.jpg" in found["train/joie/S01_1.png"]
    assert "not UTF-8" in found["train/joie/S03_fr\\udcf6hlich.jpg"]
    assert "pattern of [groups]" in found["train/joie/nobody.jpg"]
    assert "pattern of [groups]" in found["train/joie/animated_S02_1.gif"]
    assert {(flaw.part, flaw.label, flaw.missing) for flaw in flaws} == {("train", EMOTIONS.index("happy"), False)}


@pytest.mark.parametrize("name", ["Épreuve", "e\N{COMBINING ACUTE ACCENT}preuve", "ÉPREUVE"])
def test_the_folders_of_splits_may_be_in_another_case_or_other_accents(tmp_path: Path, name: str) -> None:
    put(tmp_path / "data", f"{name}/sad/1.jpg", "other/sad/1.jpg")
    chosen = card(tmp_path, 'name = "o"\n[splits]\n"épreuve" = "test"\n')
    samples, _, reading = read(chosen, tmp_path / "data")
    assert [(one.source, one.part) for one in samples] == [(f"{name}/sad/1.jpg", "épreuve")]
    assert reading.notes == ["Folders that [splits] does not name were not read: other."]
    assert recognise(chosen, tmp_path / "data" / name).above
    put(tmp_path / "data", "éPREUVE/sad/2.jpg")
    with pytest.raises(FerBenchError, match=r"data: .* and .* are 'épreuve' of the card's \[splits\], expected one"):
        read(chosen, tmp_path / "data")


def test_what_was_not_read_is_said(tmp_path: Path) -> None:
    put(
        tmp_path / "data", "train/sad/S01_1.jpg", "validation/sad/S02_1.jpg", "extra/sad/S03_1.jpg", "train/fear/x.heic"
    )
    _, _, reading = read(card(tmp_path, FULL), tmp_path / "data")
    notes = "\n".join(reading.notes)
    assert "Folders that [splits] does not name were not read: extra." in notes
    assert "train/fear/ holds files that are no pictures by their ending, not read: x.heic." in notes
    assert "train/fear/ holds no pictures." in notes
    assert "[labels] names folders that are not there: joie, mepris." in notes


def test_the_order_is_that_of_the_card_and_then_of_the_names(tmp_path: Path) -> None:
    for name in ("b", "a", "B", "10", "9"):
        put(tmp_path / "data", f"one/sad/{name}.jpg", f"two/sad/{name}.jpg")
    ordered = card(tmp_path, 'name = "o"\n[splits]\ntwo = "test"\none = "train"\n')
    samples, _, _ = read(ordered, tmp_path / "data")
    assert [one.id for one in samples] == [
        f"{part}/sad/{n}" for part in ("two", "one") for n in ("10", "9", "B", "a", "b")
    ]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("", ("name is missing",)),
        ('name = ""', ("name is ''", "letters, digits")),
        ("name = 5", ("name is 5",)),
        ('name = "my faces"', ("name is 'my faces'", "letters, digits")),
        ('name = "../x"', ("name is '../x'",)),
        ('name = "a__b"', ("single _",)),
        ('name = "-x"', ("name is '-x'",)),
        ('name = "RAF-DB"', ("name is 'RAF-DB'", "no known dataset")),
        ('name = "External"', ("name is 'External'", "models that add-onnx adds")),
        ('name = "x"\ncolour = true', ("colour is no key", "name, title, size")),
        ('name = "x"\ntitle = ["a"]', ("title is ['a']", "text in quotes")),
        ('name = "x"\ntitle = "a\\u001b[31m"', ("title", "control characters")),
        ('name = "x"\nlicence = 3', ("licence is 3", "text in quotes")),
        ('name = "x"\nsize = 96', ("size is 96", "from 1 to 224")),
        ('name = "x"\nsize = [96]', ("size is [96]",)),
        ('name = "x"\nsize = [0, 96]', ("size is [0, 96]",)),
        ('name = "x"\nsize = [96, 225]', ("size is [96, 225]",)),
        ('name = "x"\nsize = [true, 96]', ("size is [True, 96]",)),
        ('name = "x"\nsize = [96.0, 96]', ("size is [96.0, 96]",)),
        (f'name = "x"\nsize = 0x{"f" * 5000}', ("size is an enormous number",)),
        ('name = "x"\nsplits = "train"', ("splits is 'train'", "a table [splits]")),
        ('name = "x"\n[splits]', ("[splits] is empty",)),
        ('name = "x"\n[splits]\ntrain = "train"\nTrain = "test"', ("[splits] Train is there twice", "one line")),
        ('name = "x"\n[splits]\ntrain = "val"', ("[splits] train is 'val'", '"train" or "test"')),
        ('name = "x"\n[splits]\n"../train" = "train"', ("'../train'", "the name of a folder")),
        ('name = "x"\n[splits]\n".." = "train"', ("'..'", "the name of a folder")),
        ('name = "x"\n[splits]\n"" = "train"', ("''", "the name of a folder")),
        ('name = "x"\n[labels]\njoie = "joyful"', ("[labels] joie is 'joyful'", "angry, disgust", LEFT_OUT)),
        ('name = "x"\n[labels]\njoie = 3', ("[labels] joie is 3",)),
        ('name = "x"\n[labels]\n"a/b" = "happy"', ("'a/b'", "the name of a folder")),
        ('name = "x"\n[labels]\n"\u00e9" = "sad"\n"e\u0301" = "fear"', ("[labels]", "twice")),
        ('name = "x"\n[labels]\nhappy = "sad"\nHappy = "sad"', ("[labels] Happy is there twice", "one line")),
        ('name = "x"\n[counts]\ntrain = [1, 1, 1, 1, 1, 1, 1]', ("[counts] train is no folder of [splits]", "test")),
        ('name = "x"\n[counts]\ntest = [1, 1, 1, 1, 1, 1]', ("[counts] test", "7 numbers of images")),
        ('name = "x"\n[counts]\ntest = [1, 1, 1, 1, 1, 1, -1]', ("[counts] test", "7 numbers")),
        (
            'name = "x"\n[splits]\na = "train"\nb = "test"\n[counts]\na = [1, 1, 1, 1, 1, 1, 1]',
            ("[counts] b is missing",),
        ),
        ('name = "x"\n[groups]', ("[groups]", "pattern =")),
        ('name = "x"\n[groups]\npattern = "^(a)"\nother = 1', ("[groups]",)),
        ('name = "x"\n[groups]\npattern = "("', ("[groups] pattern", "a regular expression")),
        ('name = "x"\n[groups]\npattern = "abc"', ("has 0 groups", "expected one")),
        ('name = "x"\n[groups]\npattern = "(a)(b)"', ("has 2 groups",)),
        ('name = "x"\n[groups]\npattern = "(a{99999999999999999999})"', ("[groups] pattern",)),
        ("name = my-faces", ("not TOML",)),
        ('name = "x"\nname = "y"', ("not TOML",)),
        (f"name = {'[' * 5000}", ("not TOML",)),
    ],
)
def test_a_wrong_file_is_named_with_its_key_and_what_was_expected(
    tmp_path: Path, line: str, parts: tuple[str, ...]
) -> None:
    refused(tmp_path, line, *parts)


def test_an_unreadable_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes('name = "x" # ä'.encode("latin-1"))
    for name, what in (("gone.toml", "cannot be read"), ("", "cannot be read"), ("latin.toml", "not TOML")):
        with pytest.raises(FerBenchError, match=re.escape(f"{tmp_path / name}: {what}")):
            load_card(tmp_path / name)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_in_utf_16_is_named_as_such(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "card.toml").write_text('name = "my-faces"', encoding=encoding)
    with pytest.raises(FerBenchError, match=r"card.toml: is UTF-16, .*; save it as UTF-8"):
        load_card(tmp_path / "card.toml")


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="this system has no files that are open pipes")
def test_the_output_of_a_command_is_read_as_a_file(tmp_path: Path) -> None:
    """``--card <(command)``, as shells write it."""
    read, write = os.pipe()
    with os.fdopen(read), os.fdopen(write, "w", encoding="utf-8") as stream:
        stream.write('name = "my-faces"\n')
        stream.close()
        assert load_card(Path(f"/dev/fd/{read}")).name == "my-faces"


def test_what_windows_editors_write_is_read(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    loaded = load_card(tmp_path / "card.toml")
    assert dataclasses.replace(loaded, layouts=()) == dataclasses.replace(card(tmp_path, FULL), layouts=())


def test_the_name_of_every_known_dataset_is_taken(tmp_path: Path) -> None:
    for name in dataset_cards():
        refused(tmp_path, f'name = "{name}"', "no known dataset")


TEXTS = st.sampled_from(["train", "test", "happy", "left out", "x", "..", "", "^(a)", "(", "\x00", "é"]) | st.text(
    max_size=4
)
VALUES = st.recursive(
    TEXTS | st.integers(-1, 300) | st.booleans() | st.floats(), lambda inner: st.lists(inner, max_size=7), max_leaves=8
)
KEYS = st.sampled_from(["train", "test", "joie", "pattern", "S"]) | st.text(max_size=3)


def toml(value: object) -> str:
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else repr(value)


SETS = st.sets(st.sampled_from(["title", "size", "splits", "labels", "counts", "groups"]), max_size=3).map(sorted)


@st.composite
def tomls(draw: st.DrawFn) -> str:
    """A card that is nearly right: known keys, sometimes with the values they want."""
    fitting = {
        "title": st.just("Mine"),
        "size": st.just([48, 48]),
        "splits": st.dictionaries(st.sampled_from(["train", "other"]), st.sampled_from(["train", "test"]), min_size=1),
        "labels": st.dictionaries(st.sampled_from(["joie", "0"]), st.sampled_from([*EMOTIONS, LEFT_OUT])),
        "counts": st.just({"test": [1] * 7}) | st.just({"train": [1] * 7}),
        "groups": st.just({"pattern": "^(a)"}),
    }
    wild = {key: fitting[key] | st.dictionaries(KEYS, VALUES, max_size=2) | VALUES for key in fitting}
    choices, name = draw(st.sampled_from([(fitting, "mine"), (wild, "mine"), (wild, draw(VALUES))]))
    chosen = {key: draw(choices[key]) for key in draw(SETS)}
    lines = [f"name = {toml(name)}"]
    lines += [f"{key} = {toml(value)}" for key, value in chosen.items() if not isinstance(value, dict)]
    for key, value in chosen.items():
        if isinstance(value, dict):
            lines += [f"[{key}]", *(f"{toml(name)} = {toml(item)}" for name, item in value.items())]
    return "\n".join(lines)


@settings(max_examples=100, deadline=None)
@given(text=tomls() | st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_card_or_a_message(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        loaded, message = None, ""
        try:
            loaded = card(Path(folder), text)
        except FerBenchError as error:
            message = str(error)
        if loaded is None:
            event("refused")
            assert message.startswith(str(Path(folder) / "card.toml"))
            return
        event("a card")
        content = tomllib.loads(text)
        assert loaded.name == content["name"]
        assert loaded.trainable == ("train" in content.get("splits", {}).values())
        assert set(loaded.counts) == set(content.get("counts", {}))
        assert loaded.layouts[0].recognise(Path(folder)) is None


@pytest.mark.parametrize("name", ["a.jpg", "é.jpg", "表情.png", os.fsdecode(b"\xe9.jpg"), "\ud800", "a\nb\x1b[0m"])
def test_names_are_told_apart_by_utf8_and_shown_in_one_line(name: str) -> None:
    assert is_utf8(name) == (name not in (os.fsdecode(b"\xe9.jpg"), "\ud800"))
    assert shown(name).isprintable()
    assert shown(name).encode()
    assert (shown(name) == name) == name.isprintable()
