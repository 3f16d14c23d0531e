"""The protocol as a value."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_bench.corruptions import CORRUPTIONS
from fer_bench.errors import FerBenchError
from fer_bench.presets import PRESETS, load_recipe, own_id, recipe_from, to_toml
from fer_bench.recipe import Augmentation, Recipe, digest_of


def test_the_paper_preset_is_the_papers_protocol():
    paper = load_recipe("paper")
    assert (paper.image_size, paper.epochs, paper.batch_size) == (224, 100, 64)
    assert (paper.optimizer, paper.learning_rate, paper.schedule) == ("adam", 1e-4, "constant")
    assert paper.pretrained == ("clcm",)
    assert paper.batch_norm_momentum is None
    assert {paper.learning_rate_at(epoch) for epoch in range(100)} == {1e-4}


def test_the_id_is_a_hash_of_the_content_alone():
    recipe = Recipe(name="a")
    assert recipe.id.rpartition("-")[2] == dataclasses.replace(recipe, name="b").id.rpartition("-")[2]
    assert recipe.id != dataclasses.replace(recipe, epochs=99).id
    # Records of other machines and days hold this id: it must not change by itself.
    assert PRESETS["paper"].id == "paper-f40bacc7"
    assert PRESETS["demo"].id == "demo-00264362"
    assert PRESETS["cpu48"].id == "cpu48-3d7823a6"
    assert PRESETS["cpu96"].id == "cpu96-df19f255"


def test_what_goes_beyond_the_paper_is_off_in_every_preset():
    for preset in PRESETS.values():
        assert (preset.balance, preset.freeze_layers) == ("none", None)
        assert (preset.label_smoothing, preset.weight_decay) == (0, 0)


def test_a_changed_recipe_says_so_in_its_name_and_is_found_by_it(tmp_path):
    paper = PRESETS["paper"]
    changed = paper.changed(balance="oversample", freeze_layers=0)
    assert changed.id.startswith("paper+oversample+freeze0-")
    assert (changed.balance, changed.freeze_layers, changed.epochs) == ("oversample", 0, 100)
    assert load_recipe("paper+oversample+freeze0") == changed
    assert paper.changed(balance="none").id == paper.id
    assert load_recipe("paper+oversample+unbalanced").balance == "none"
    path = tmp_path / "a+b.toml"
    path.write_text('balance = "undersample"\nfreeze_layers = 3\n')
    assert load_recipe(f"{path}").name == "a+b"
    assert load_recipe(f"{path}+freeze3") == load_recipe(f"{path}")
    assert load_recipe(f"{path}+class-weight").balance == "class-weight"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("paper+freeze0+oversample", "paper+oversample+freeze0"),
        ("paper+freeze3+freeze0", "paper+freeze0"),
        ("paper+undersample+freeze0+oversample", "paper+oversample+freeze0"),
        ("paper+oversample+unbalanced", "paper"),
        ("cpu48+freeze0", "cpu48+freeze0"),
    ],
)
def test_one_training_has_one_id_in_whatever_order_its_recipe_was_changed(given, name, tmp_path):
    assert load_recipe(given).name == name
    assert load_recipe(given).id == own_id(name)
    # Such as tune writes them, and ablate changes them.
    plain, _, last = given.rpartition("+")
    path = tmp_path / "winner.toml"
    path.write_text(to_toml(load_recipe(plain), ""))
    if last != "unbalanced":  # A file does not tell what it was made from.
        assert load_recipe(f"{path}+{last}").id == own_id(name)


def test_a_recipe_is_found_by_a_file_whose_path_has_a_plus(tmp_path):
    path = tmp_path / "clcm+2" / "a+freeze0.toml+b.toml"
    path.parent.mkdir()
    path.write_text("epochs = 3\n")
    for name in (f"{path}", f"{path}+class-weight+freeze3", "paper", "cpu48+oversample+unbalanced"):
        assert own_id(name) == load_recipe(name).id
    for name in ("paper-f40bacc7", "mine", "mine+freeze0", "paper+freeze"):
        assert own_id(name) is None


def test_a_recipe_is_found_by_a_file_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.toml").write_text("epochs = 3\n")
    assert load_recipe("~/mine.toml+freeze3").epochs == 3
    assert own_id("~/mine.toml") == own_id(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("base", PRESETS)
def test_a_file_of_a_recipe_gives_its_id_back(base, tmp_path):
    """Else train would train again what tune has: a number of the preset ``demo`` is 3, of a file on ``paper`` 3.0."""
    path = tmp_path / "r.toml"
    path.write_text(f'base = "{base}"\nepochs = 20\ndropout = 0\n[augmentation]\nrotation = 10\nshear = 3\n')
    preset = PRESETS[base]
    for recipe in (
        preset,
        preset.changed(balance="oversample", freeze_layers=0),
        preset.starting("mobilenetv2", pretrained=True),
        preset.from_random(),
        dataclasses.replace(preset, epochs=30, learning_rate=1e-5, batch_size=128, optimizer="sgd"),
        dataclasses.replace(preset, dropout=0.5, batch_norm_momentum=0.99, augmentation=Augmentation()),
        load_recipe(f"{path}"),
    ):
        path.write_text(to_toml(recipe, "two\nlines"))
        assert load_recipe(f"{path}") == recipe
        assert load_recipe(f"{path}").id == recipe.id


def test_what_no_file_can_say_is_not_written():
    with pytest.raises(ValueError, match="no file gives this recipe"):
        to_toml(dataclasses.replace(PRESETS["demo"], batch_norm_momentum=None), "")


@pytest.mark.parametrize("name", ["paper+", "paper+fast", "paper+none", "paper+freeze", "paper+freeze-1", "+freeze1"])
def test_an_unknown_change_of_a_preset_is_an_unknown_recipe(name):
    with pytest.raises(FerBenchError, match="no recipe"):
        load_recipe(name)


def test_the_schedule_rises_then_falls():
    recipe = Recipe(name="a", epochs=10, learning_rate=1.0, schedule="cosine", warmup_epochs=2)
    rates = [recipe.learning_rate_at(epoch) for epoch in range(10)]
    # To the whole of it in three steps, then half a wave of eight.
    wave = [1, 0.961940, 0.853553, 0.691342, 0.5, 0.308658, 0.146447, 0.038060]
    assert rates == pytest.approx([1 / 3, 2 / 3, *wave], abs=1e-6)
    steady = dataclasses.replace(recipe, schedule="constant", warmup_epochs=1)
    assert [steady.learning_rate_at(epoch) for epoch in range(10)] == [0.5, *[1.0] * 9]


def test_a_number_is_the_same_however_it_is_written(tmp_path):
    path = tmp_path / "r.toml"
    found = []
    for text in ("dropout = 0\n[augmentation]\nrotation = 15", "dropout = 0.0\n[augmentation]\nrotation = 15.0"):
        path.write_text(f'pretrained = ["clcm", "clcm"]\n{text}\n')
        found.append(load_recipe(str(path)))
    assert found[0].id == found[1].id
    assert found[0].pretrained == ("clcm",)
    path.write_text('base = "demo"\nname = "demo"\n[augmentation]\nrotation = 3.0\n')
    assert load_recipe(str(path)).id == PRESETS["demo"].id


def test_a_recipe_from_toml(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text('base = "demo"\nepochs = 3\n[augmentation]\nrotation = 0\n')
    recipe = load_recipe(str(path))
    assert (recipe.name, recipe.epochs, recipe.image_size) == ("small", 3, PRESETS["demo"].image_size)
    assert recipe.augmentation.rotation == 0
    assert recipe.augmentation.shear == PRESETS["demo"].augmentation.shear
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))  # As Notepad saves it.
    assert load_recipe(str(path)) == recipe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch = 3", "unknown key 'epoch'"),
        ("epochs = 0", "epochs = 0 is out of range; expected at least 1"),
        ("epochs = 2\nwarmup_epochs = 2", "warmup_epochs = 2 is out of range; expected fewer than the 2 epochs"),
        ("epochs = 2.5", "epochs = 2.5, expected a whole number"),
        ("batch_size = 100000000000", "batch_size = 100000000000 is out of range"),
        ("epochs = true", "expected a whole number"),
        ("learning_rate = true", "expected a number"),
        ('optimizer = "rmsprop"', "optimizer"),
        ('base = "fast"', "base = 'fast'"),
        ('base = ["paper"]', "base = ['paper']"),
        ("[base]", "base = {}"),
        ("[augmentation]\nflip = true", "unknown key 'flip'"),
        ('balance = "smote"', "balance = 'smote'"),
        ("freeze_layers = -1", "freeze_layers = -1 is out of range"),
        ("label_smoothing = 1.0", "label_smoothing"),
        ("[augmentation]\nrotation = 'much'", "rotation = 'much', expected a number"),
        ("[augmentation]\nhorizontal_flip = 1", "horizontal_flip = 1, expected true or false"),
        ("optimizer = 3", "optimizer = 3, expected a text"),
        ("[augmentation]\nrotation = nan", "rotation = nan, expected 0 to 180"),
        ("[augmentation]\nshear = 90", "shear = 90, expected 0 to 89"),
        ("[augmentation]\nzoom = 2", "zoom = 2, expected 0 to 0.99"),
        ("[augmentation]\nheight_shift = -0.1", "height_shift = -0.1"),
        ("augmentation = 3", "augmentation = 3, expected a table"),
        ('pretrained = [1, "a"]', "pretrained = [1, 'a'], expected names of models"),
        ('[augmentation]\ncorruptions = "noise"', "corruptions = 'noise', expected a list"),
        ("[augmentation]\ncorruptions = [1]", "corruptions = [1], expected names of corruptions"),
        ('[augmentation]\ncorruptions = ["fog"]', "corruptions: 'fog', expected one of noise, blur"),
        ('[augmentation]\ncorruptions = ["blur", "blur"]', "blur is named twice"),
        ('[augmentation]\ncorruptions = ["blur"]\ncorrupted = 0', "corrupted = 0, expected above 0 and at most 1"),
        ("[augmentation]\ncorrupted = 0.3", "corrupted = 0.3 without corruptions"),
        ("learning_rate = nan", "learning_rate = nan is out of range"),
        ("epochs =", "not TOML"),
        (f"epochs = {'9' * 5000}", "not TOML"),
        (f"epochs = {'[' * 100_000}", "not TOML"),
    ],
)
def test_a_wrong_recipe_names_file_and_key(tmp_path, text, words):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(FerBenchError, match=r"wrong\.toml: ") as caught:
        load_recipe(str(path))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a/b", "/../../x", "a__b", "..", ".a", "_a", "", "a\nb", "a\\b", "a*b", "x" * 101, "ж" * 51]
)
def test_a_name_that_is_none_of_a_file_is_refused(name, tmp_path):
    with pytest.raises(FerBenchError, match="the name is part of file names"):
        Recipe(name=name)
    path = tmp_path / "wrong.toml"
    path.write_text(f"name = {json.dumps(name)}\n")
    with pytest.raises(FerBenchError, match=r"wrong\.toml: recipe .*the name is part of file names"):
        load_recipe(str(path))


@pytest.mark.parametrize("name", ["paper+b32+lr1e-05+sgd", "größer 2", "a_b-1.5x", "run (2)", "a=1,b=2"])
def test_a_name_that_can_be_one_of_a_file_is_taken(name):
    assert Recipe(name=name).id.startswith(f"{name}-")


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(FerBenchError, match="paper, paper-bf16, cpu48, cpu96, demo"):
        load_recipe("papr")


@given(
    epochs=st.integers(1, 500),
    batch_size=st.integers(2, 512),
    learning_rate=st.floats(1e-6, 1),
    pretrained=st.sets(st.sampled_from(["clcm", "mobilenetv2", "x"])),
    momentum=st.none() | st.floats(0.1, 0.99),
    dropout=st.none() | st.floats(0, 0.9),
    balance=st.sampled_from(["none", "class-weight", "oversample", "undersample"]),
    freeze_layers=st.none() | st.integers(0, 200),
    smoothing=st.floats(0, 0.5),
    corruptions=st.lists(st.sampled_from(list(CORRUPTIONS)), unique=True),
)
def test_content_gives_the_recipe_back(
    epochs, batch_size, learning_rate, pretrained, momentum, dropout, balance, freeze_layers, smoothing, corruptions
):
    recipe = Recipe(
        name="r",
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        pretrained=tuple(pretrained),
        batch_norm_momentum=momentum,
        dropout=dropout,
        balance=balance,
        freeze_layers=freeze_layers,
        label_smoothing=smoothing,
        augmentation=Augmentation(corruptions=tuple(corruptions)),
    )
    content = json.loads(json.dumps(recipe.content()))
    again = recipe_from({**content, "name": "r"}, base=PRESETS["demo"], where="test")
    assert again.id == recipe.id == f"r-{digest_of(content)}"


def test_corruptions_of_training_images_are_part_of_the_id_in_any_order(tmp_path):
    path = tmp_path / "worse.toml"

    def of(augmentation: str) -> Recipe:
        path.write_text(f'base = "paper"\n[augmentation]\n{augmentation}\n')
        return load_recipe(str(path))

    recipe = of('corruptions = ["noise", "blur"]')
    assert recipe.augmentation.corruptions == ("blur", "noise")
    assert recipe.id == of('corruptions = ["blur", "noise"]\ncorrupted = 0.5').id
    others = [of(""), of('corruptions = ["blur"]'), of('corruptions = ["blur", "noise"]\ncorrupted = 1')]
    assert len({recipe.id, *(other.id for other in others)}) == 4
    path.write_text(to_toml(recipe, "tuned"))
    assert load_recipe(str(path)).id == recipe.id


def test_the_start_of_a_model_can_be_changed():
    paper = PRESETS["paper"]
    assert paper.starting("clcm", pretrained=True).id == paper.id
    assert paper.starting("clcm", pretrained=False).pretrained == ()
    assert PRESETS["cpu48"].from_random().pretrained == ()
    assert paper.starting("mobilenetv2", pretrained=True).pretrained == ("clcm", "mobilenetv2")
