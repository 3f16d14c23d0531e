"""Models of other packages: found, checked, and a row in every table; a broken one harms no other."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from plugin_package import fer_bench, forget, install, offer, readme_module
from typer.testing import CliRunner

from fer_bench import plugins
from fer_bench.cli import app
from fer_bench.environment import describe
from fer_bench.errors import FerBenchError
from fer_bench.models import PLUGINS, broken_models, built_in_cards, model_card, model_cards, model_names

MODULE = readme_module("models")
OTHER = '\n\nimport dataclasses\n\nOTHER = dataclasses.replace(CARD, name="my-other-net", title="MyOtherNet")\n'
RECIPE = 'base = "demo"\nimage_size = 32\nepochs = 1\nwarmup_epochs = 0\npretrained = []\n'


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package and install it into a folder of its own."""
    points = {"my-net": "CARD", "my-other-net": "OTHER"}
    return install(tmp_path_factory.mktemp("plugin"), "my-nets", "models", points, MODULE + OTHER)


@pytest.mark.slow
def test_an_installed_model_keeps_the_contract_and_is_a_row_in_every_table(installed, workspace, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(installed))
        forget()
        checked = CliRunner().invoke(app, ["check-model", "my-net", "--json"])
    sys.modules.pop("my_nets", None)
    forget()
    outcomes = json.loads(checked.stdout)["checks"]
    assert checked.exit_code == 0, outcomes
    assert {outcome["state"] for outcome in outcomes} <= {"ok", "skipped"}
    assert "from my-nets 1.0" in outcomes[0]["found"]

    (tmp_path / "mini.toml").write_text(RECIPE)
    where = ("--workspace", str(workspace.root))
    both = ("--model", "my-net", "--model", "my-other-net", "--dataset", "fer2013")
    done = fer_bench(
        installed, "run-all", "--synthetic", "--recipe", str(tmp_path / "mini.toml"), *both, "--runs", "3", *where
    )
    assert done.returncode == 0, done.stderr
    for kind in ("train", "eval", "profile"):
        made = [json.loads(path.read_text("utf-8")) for path in (workspace.results.records / kind).glob("*.json")]
        assert {record["environment"]["packages"].get("my-nets") for record in made} == {"1.0"}, kind
    # From here on the package is not there: tables come from records.
    rendered = CliRunner().invoke(app, ["tables", "--local", *where])
    assert rendered.exit_code == 0
    for number in range(4, 12):
        text = (workspace.results.tables / f"table{number:02}.md").read_text(encoding="utf-8")
        assert "my-net" in text, number
        if number in (4, 5, 6, 11):
            assert re.search(r"^\|\s*my-net †", text, re.MULTILINE), number
            assert "† Beyond the paper" in text, number
    differences = (workspace.results.tables / "table07.md").read_text(encoding="utf-8")
    assert re.search(r"^\| my-other-net † \| my-net †", differences, re.MULTILINE)
    drawn = json.loads((workspace.results.figures / "figures.json").read_text(encoding="utf-8"))
    assert "my-net" in json.dumps(drawn)
    board = CliRunner().invoke(app, ["leaderboard", "--json", "--records", str(workspace.results.records)])
    assert board.exit_code == 0, board.output
    ranked = {item["model"] for found in json.loads(board.stdout)["boards"] for item in found["standings"]}
    assert ranked == {"my-net", "my-other-net"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path to which distributions can be added."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def add(distribution: str, points: dict[str, str], **modules: str) -> Path:
        offer(tmp_path, distribution, "models", points, modules)
        return tmp_path

    yield add
    monkeypatch.undo()
    forget()


def card_of(name: str) -> str:
    return MODULE.replace('name="my-net"', f'name="{name}"')


def test_a_broken_package_is_named_and_harms_no_other(site):
    folder = site("broken-nets", {"gone": "nowhere_at_all:CARD", "leaves": "leaves:CARD"}, leaves="raise SystemExit(3)")
    site("good-nets", {"good-net": "good_net:CARD"}, good_net=card_of("good-net"))
    assert set(broken_models()) == {"gone", "leaves"}
    assert "distribution broken-nets 2.0" in broken_models()["gone"]
    assert "No module named 'nowhere_at_all'" in broken_models()["gone"]
    assert list(model_cards()) == [*built_in_cards(), "good-net"]
    assert model_card("good-net").title == "MyNet"
    with pytest.raises(FerBenchError, match=r"model 'leaves' of the distribution broken-nets 2\.0.*SystemExit: 3"):
        model_card("leaves")

    assert fer_bench(folder, "--help").returncode == 0
    listed = fer_bench(folder, "models", "--json")
    assert listed.returncode == 0
    assert "good-net" in {item["name"] for item in json.loads(listed.stdout)}
    assert "left out: model 'gone' of the distribution broken-nets 2.0" in listed.stderr
    trained = fer_bench(folder, "train", "--model", "gone", "--dataset", "fer2013")
    assert trained.returncode == 2
    assert "broken-nets 2.0" in trained.stderr
    assert "Traceback" not in trained.stderr
    checked = fer_bench(folder, "check-model", "gone", "--json")
    assert checked.returncode == 1
    (outcome,) = json.loads(checked.stdout)["checks"]
    assert (outcome["check"], outcome["state"]) == ("card", "failed")


def test_records_tell_the_version_of_a_models_package_alone(site):
    site("good-nets", {"good-net": "good_net:CARD"}, good_net=card_of("good-net"))
    site("other-nets", {"other-net": "other_net:CARD"}, other_net="raise RuntimeError('imported')")
    plain = describe(models=["clcm", "gone"]).packages
    assert describe(models=["clcm", "good-net"]).packages == plain | {"good-nets": "2.0"}


def test_a_built_in_model_imports_no_other_package(site):
    site("loud-nets", {"loud-net": "loud_net:CARD"}, loud_net="raise RuntimeError('imported')")
    assert model_card("clcm").name == "clcm"
    assert "loud-net" in model_names()
    assert "loud_net" not in sys.modules


def test_what_a_package_prints_as_it_is_imported_is_no_part_of_an_answer(site):
    site("loud-nets", {"loud-net": "loud_net:CARD"}, loud_net=f"print('Welcome!')\n{card_of('loud-net')}")
    listed = CliRunner().invoke(app, ["models", "--json"])
    assert "loud-net" in {item["name"] for item in json.loads(listed.stdout)}
    assert "Welcome!" in listed.stderr


@pytest.mark.parametrize("command", ["profile --layers --model", "architecture --model"])
def test_what_it_prints_as_it_is_built_is_no_part_of_an_answer(site, configured, command):
    loud = card_of("loud-net").replace("    import keras", "    print('Building!')\n    import keras", 1)
    site("loud-nets", {"loud-net": "loud_net:CARD"}, loud_net=loud)
    told = CliRunner().invoke(app, [*command.split(), "loud-net", "--json"])
    assert told.exit_code == 0, told.exception
    assert json.loads(told.stdout)
    assert "Building!" in told.stderr


def test_a_name_that_is_taken_stays_fer_benchs_own(site):
    site("pirate", {"clcm": "pirate_net:CARD"}, pirate_net=card_of("clcm"))
    assert model_card("clcm") is built_in_cards()["clcm"]
    assert "the name is that of a model of fer-bench" in broken_models()["clcm"]
    result = CliRunner().invoke(app, ["check-model", "clcm", "--json"])
    assert result.exit_code == 1
    assert "pirate 2.0" in json.loads(result.stdout)["checks"][0]["found"]


def test_one_name_from_two_packages_is_neither(site):
    site("first", {"twin": "first_net:CARD"}, first_net=card_of("twin"))
    site("second", {"twin": "second_net:CARD"}, second_net=card_of("twin"))
    assert broken_models()["twin"] == "model 'twin' is offered by first 2.0 and second 2.0; uninstall one"


@pytest.mark.parametrize(
    ("point", "text", "reason"),
    [
        ("other", card_of("my-net"), "its card is named 'my-net'; name the entry point and the card alike"),
        ("my-net", "CARD = 7", "found int, expected a fer_bench.models.card.ModelCard"),
        ("../my-net", card_of("../my-net"), "the name is part of file names"),
        ("my__net", card_of("my__net"), "the name is part of file names"),
        ("MyNet", card_of("MyNet"), "the name is part of file names"),
    ],
)
def test_what_is_no_model_is_refused(site, point, text, reason):
    site("odd", {point: "odd_net:CARD"}, odd_net=text)
    with pytest.raises(FerBenchError, match=re.escape(reason)):
        PLUGINS.load(point)
    assert point not in model_cards()


def test_every_own_model_keeps_the_rule_of_names():
    assert all(map(plugins.is_name, built_in_cards()))
    assert not any(map(plugins.is_name, ("", "-a", "a-", "a--b", "a/b", "a b", "a\n", "é", "a" * 65)))


def test_an_unknown_model_is_told_how_to_be_found():
    result = CliRunner().invoke(app, ["check-model", "my-net"])
    assert isinstance(result.exception, FerBenchError)
    assert "no model 'my-net'" in str(result.exception)
    assert "entry point in the group fer_bench.models" in str(result.exception)


def test_a_module_that_imports_a_backend_at_once_is_told(site, monkeypatch):
    """Also where this process has imported it before."""
    from fer_bench.model_check.entry import check_entry

    site("heavy", {"heavy-net": "heavy_net:CARD"}, heavy_net="import torch\n" + card_of("heavy-net"), torch="")
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    card, (outcome,) = check_entry("heavy-net")
    assert card is not None
    assert (outcome.state, outcome.found) == ("failed", "its module imports torch as soon as it is loaded")
