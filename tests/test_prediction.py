"""Pictures in, answers out: the same as evaluate's, streaming, and honest about what it could not answer."""

import csv
import gc
import io
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fer_bench
from fer_bench.emotions import EMOTIONS
from fer_bench.environment import cores
from fer_bench.prediction import Model, NoAnswer, Prediction, model
from fer_bench.prediction.answers import csv_header, to_csv, to_json, to_text
from fer_bench.prediction.loading import network_input
from fer_bench.prediction.sources import from_arguments


def by_brightness(images):
    """Answer the class that the mean brightness falls into, so that a test knows what to expect."""
    place = images.reshape(len(images), -1).mean(axis=1) * len(EMOTIONS) / 256
    rows = np.exp(-np.abs(np.arange(len(EMOTIONS)) + 0.5 - place[:, None])).astype(np.float32)
    return rows / rows.sum(axis=1, keepdims=True)


MODEL = Model("bright", "fer2013", "real", EMOTIONS, (48, 48), by_brightness)


def flat(value, height=48, width=48):
    return np.full((height, width), value, np.uint8)


def expected(value):
    return EMOTIONS[int(value * len(EMOTIONS) / 256)]


# The answers


@given(st.lists(st.integers(0, 255), max_size=200))
@settings(max_examples=20, deadline=None)
def test_every_picture_gets_its_own_answer_in_order_whatever_the_batches(values):
    answers = list(MODEL.predict((flat(value) for value in values), crop=False))
    assert [answer.label for answer in answers] == [expected(value) for value in values]
    assert [answer.picture for answer in answers] == [f"image {number}" for number in range(len(values))]
    assert all(sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5) for answer in answers)


@given(arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70))))
@settings(max_examples=30, deadline=None)
def test_pictures_of_any_size_are_answered(image):
    (answer,) = MODEL.predict([image], crop=False)
    assert answer.label in EMOTIONS
    assert answer.box is None
    assert answer.faces is None


def test_colour_becomes_gray_by_the_weights_of_red_green_and_blue():
    red = np.zeros((1, 48, 48, 3), np.uint8)
    red[..., 0] = 200
    (answer,) = MODEL.predict(red, crop=False)
    assert answer.label == expected(0.299 * 200)


def test_an_array_of_gray_images_is_that_many_pictures():
    assert len(list(MODEL.predict(np.zeros((3, 48, 48), np.uint8), crop=False))) == 3


@pytest.mark.parametrize("shape", [(48, 48, 3), (48, 48, 4), (48, 48, 1), (48, 48), (48,), ()])
def test_one_picture_as_an_array_is_wanted_in_a_list(shape):
    with pytest.raises(fer_bench.FerBenchError, match="put it into a list"):
        MODEL.predict(np.zeros(shape, np.uint8), crop=False)


@pytest.mark.parametrize("image", [np.zeros((48, 48)), np.zeros(48, np.uint8), np.zeros((4, 4, 4), np.uint8), 3, b"x"])
def test_what_is_no_picture_is_refused_with_its_number(image):
    with pytest.raises(fer_bench.FerBenchError, match=r"^image 1: .*expected a path, or uint8"):
        list(MODEL.predict([flat(9), image], crop=False))


def test_one_path_alone_is_one_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), flat(100))
    for one in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert [answer.label for answer in MODEL.predict(one, crop=False)] == [expected(100)]


@pytest.mark.parametrize("dtype", [np.str_, object])
def test_an_array_of_paths_is_no_picture(dtype, tmp_path):
    """It was told to be put into a list, as one picture."""
    cv2.imwrite(str(tmp_path / "a.png"), flat(100))
    paths = np.array([str(tmp_path / "a.png")] * 2, dtype)
    assert [answer.label for answer in MODEL.predict(paths, crop=False)] == [expected(100)] * 2


def test_a_bad_file_costs_its_own_answer_only(tmp_path):
    good, cut, empty, note = (tmp_path / name for name in ("good.png", "cut.jpg", "empty.png", "note.png"))
    cv2.imwrite(str(good), flat(100))
    cv2.imwrite(str(cut), flat(100))
    cut.write_bytes(cut.read_bytes()[:-40])
    empty.touch()
    note.write_text("not a picture")
    found = list(MODEL.predict([cut, good, empty, note, tmp_path / "absent.png", tmp_path], crop=False))
    assert isinstance(found[1], Prediction)
    reasons = [answer.reason for answer in found if isinstance(answer, NoAnswer)]
    assert len(reasons) == 5
    for words, reason in zip(("cut short", "empty", "no picture", "no such file", "directory"), reasons, strict=True):
        assert words in reason


def test_weights_that_give_nan_are_an_error_not_an_answer():
    broken = Model("b", "d", "real", EMOTIONS, (8, 8), lambda images: np.full((len(images), 7), np.nan, np.float32))
    with pytest.raises(fer_bench.FerBenchError, match="is NaN or infinite"):
        list(broken.predict([flat(3)], crop=False))


def test_no_more_than_a_batch_and_a_few_pictures_are_drawn_before_they_are_answered():
    drawn, answered, ahead = 0, 0, 0

    def pictures():
        nonlocal drawn, ahead
        for value in range(20 * model.BATCH):
            drawn += 1
            ahead = max(ahead, drawn - answered)
            yield flat(value % 256)

    for _ in MODEL.predict(pictures(), crop=False):
        answered += 1
    assert answered == 20 * model.BATCH
    assert ahead < model.BATCH + model.pictures_ahead()


def test_an_array_may_be_filled_again_for_every_picture():
    for shape in ((48, 48), (48, 48, 3)):
        buffer = np.empty(shape, np.uint8)

        def pictures(buffer=buffer):
            for value in range(256):
                buffer[...] = value
                yield buffer

        found = [answer.label for answer in MODEL.predict(pictures(), crop=False)]
        assert found == [expected(value) for value in range(256)]


@pytest.mark.parametrize("form", ["file", "array"])
def test_large_pictures_are_not_kept(tmp_path, form):
    side, path = 1_500, tmp_path / "large.png"
    cv2.imwrite(str(path), flat(100, side, side))
    pictures = (path if form == "file" else flat(100, side, side) for _ in range(2 * model.BATCH))
    gc.collect()
    tracemalloc.start()
    for _ in MODEL.predict(pictures, crop=False):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Of an array also the one that is drawn, and its copy. All 128 would be several times as much.
    decoded = 2 * cores() + 8 if form == "file" else model.pictures_ahead() + 4
    assert peak < decoded * side * side


# Preprocessing


@pytest.mark.parametrize(("stored", "side"), [(48, 64), (48, 48), (100, 224), (100, 48), (48, 96)])
def test_the_input_without_keras_is_that_of_training(configured, stored, side):
    from keras import ops

    from fer_bench import augmentation
    from fer_bench.datasets.decoding import resize

    images = np.random.default_rng(0).integers(0, 256, (3, stored, stored), dtype=np.uint8)
    smaller = np.stack([resize(image, (side, side)) for image in images]) if side < stored else images
    matrices = augmentation.identity_matrices(3)
    reference = ops.convert_to_numpy(augmentation.network_input(smaller, matrices, side))
    found = network_input(images, side, bilinear=side > stored)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference, atol=5e-5)


# What is printed


YES = Prediction("a.jpg", "happy", dict(zip(EMOTIONS, (0, 0, 0, 0.75, 0.25, 0, 0), strict=True)), (1, 2, 3, 4), 2)
NONE = NoAnswer("b,\n.jpg", "no face found", bad=False)
BAD = NoAnswer("c\udcffü.jpg", "empty", bad=True)


def test_lines_of_json_have_the_same_keys_and_survive_any_name():
    lines = [to_json(answer, "synthetic") for answer in (YES, NONE, BAD)]
    for line in lines:
        assert line.isascii()  # Which any encoding of stdout holds as it is.
        assert "\n" not in line
    first, second, third = map(json.loads, lines)
    assert first.keys() == second.keys() == third.keys()
    assert (first["label"], first["probabilities"]["happy"], first["box"], first["faces"]) == (
        "happy",
        0.75,
        [1, 2, 3, 4],
        2,
    )
    assert (second["label"], second["faces"], second["reason"]) == (None, 0, "no face found")
    assert (third["faces"], third["reason"], third["trained_on"]) == (None, "empty", "synthetic")


def test_rows_of_csv_have_a_cell_for_every_column():
    text = "\n".join([csv_header(EMOTIONS), *(to_csv(answer, EMOTIONS, "synthetic") for answer in (YES, NONE, BAD))])
    text.encode()
    first, second, third = csv.DictReader(io.StringIO(text), strict=True)
    assert (first["label"], first["happy"], first["right"], first["faces"], first["reason"]) == (
        "happy",
        "0.75",
        "3",
        "2",
        "",
    )
    assert (second["label"], second["happy"], second["faces"], second["reason"]) == ("", "", "0", "no face found")
    assert (third["faces"], third["reason"]) == ("", "empty")
    assert {row["trained_on"] for row in (first, second, third)} == {"synthetic"}
    assert None not in first.keys() | second.keys() | third.keys()


def test_a_line_for_people_names_the_two_most_probable_classes():
    assert to_text(YES).split() == ["happy", "75.0", "neutral", "25.0", "a.jpg", "(2", "faces,", "the", "largest)"]
    assert to_text(NONE).endswith("b,\\n.jpg: no face found")


# What the arguments name


def named(*arguments, lines=()):
    sources, total = from_arguments([str(argument) for argument in arguments], lines)
    found = [source.name for source in sources]
    assert total in (len(found), None)
    return found


def test_a_folder_stands_for_its_pictures_and_those_below_it(tmp_path):
    for name in ("b/2.png", "b/1.jpg", "a.JPEG", ".hidden/x.png", "._a.png", "notes.txt", "__MACOSX/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert named(tmp_path) == [str(tmp_path / name) for name in ("a.JPEG", "b/1.jpg", "b/2.png")]
    assert named(tmp_path / "notes.txt", tmp_path / "b") == [
        str(tmp_path / name) for name in ("notes.txt", "b/1.jpg", "b/2.png")
    ]


def test_what_a_folder_holds_beside_pictures_is_told(tmp_path, capsys):
    for name in ("b/2.png", "b/photo.heic", "b/Thumbs.db", "notes.txt", ".hidden.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert named(tmp_path) == [str(tmp_path / "b/2.png")]
    told = f"{tmp_path}/ holds files that are no pictures by their ending, not read: notes.txt, b/photo.heic.\n"
    assert capsys.readouterr().err == told
    assert named(tmp_path / "b/2.png") == [str(tmp_path / "b/2.png")]
    assert capsys.readouterr().err == ""


def test_a_link_out_of_a_folder_is_not_followed_and_told_of(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "secret.png"), flat(100))
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    sources, _ = from_arguments([str(tmp_path / "in")], ())
    (answer,) = MODEL.answers(sources, crop=False)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "cannot be read (a link out of the folder, not followed; name the picture itself)"
    assert f"{tmp_path / 'in' / 'up'}: a link to a folder, not followed; name the folder" in capsys.readouterr().err


def test_a_folder_that_cannot_be_listed_is_an_error_not_left_out(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.png").touch()
    listed = os.scandir

    def scandir(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    # Root, as which CI runs, may list any folder.
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(fer_bench.FerBenchError, match="closed: cannot be listed"):
        named(tmp_path)


def test_paths_come_from_standard_input_too():
    assert named("-", lines=["a b.png\n", "\n", "c.png\r\n", "d.png"]) == ["a b.png", "c.png", "d.png"]


def test_a_missing_argument_costs_its_own_answer_only(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), flat(100))
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    paths = [str(tmp_path / name) for name in ("link.png", "a.png", "absent.png")]
    sources, total = from_arguments(paths, ())
    assert total == 3
    first, second, third = MODEL.answers(sources, crop=False)
    assert (first.reason, second.label, third.reason) == ("no such file", expected(100), "no such file")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-", "a.png"], "standard input"),
        (["absent.png"], "no such file"),
        (["."], "no picture files"),
        ([""], "an empty path"),
        (["a.png", ""], "an empty path"),
    ],
)
def test_arguments_that_name_nothing_are_refused(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fer_bench.FerBenchError, match=words):
        named(*arguments)


# The package


def test_the_api_has_few_names_and_importing_it_loads_nothing_heavy():
    code = (
        "import sys, fer_bench\n"
        "before = set(sys.modules)\n"
        "assert not {'numpy', 'typer', 'cv2', 'keras'} & before, before\n"
        "assert fer_bench.load_model and fer_bench.Model and fer_bench.Prediction and fer_bench.NoAnswer\n"
        "assert not {'cv2', 'keras', 'tensorflow', 'typer'} & set(sys.modules)\n"
        "assert set(fer_bench.__all__) <= set(dir(fer_bench))\n"
        "try: fer_bench.nothing\n"
        "except AttributeError as error: print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "no attribute 'nothing'" in result.stdout


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_a_list_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    [source], _ = from_arguments(["-"], [f"{tmp_path / 'a.png'}\n"])
    assert source.name == str(tmp_path / "a.png")
    with pytest.raises(fer_bench.FerBenchError, match="neither a file nor a folder"):
        source.load()
