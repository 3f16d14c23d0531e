"""Which layout a path is: toy datasets that are recognised by one file each, in every place where they may lie."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_bench.datasets import recognition
from fer_bench.datasets.card import Choice, DatasetCard, Layout, Protocol, Reading
from fer_bench.datasets.recognition import describe, inspect, recognise
from fer_bench.errors import FerBenchError


def by_file(name: str, evidence: str = "the file {}") -> Callable[[Path], str | None]:
    return lambda path: evidence.format(name) if (path / name).is_file() else None


def read_nothing(path: Path, choice: Choice) -> Reading:
    return Reading(())


def layout(name: str, recogniser: Callable[[Path], str | None], official: bool = True) -> Layout:
    return Layout(name, f"a folder with {name}.csv", name, recogniser, read_nothing, ("toy",), official=official)


def card(*layouts: Layout, name: str = "toy") -> DatasetCard:
    protocol = Protocol("toy", 1, "Everything.", None)
    return DatasetCard(name, name.title(), (8, 8), True, (protocol,), {}, layouts, "", "", "", "")


TABLE = layout("table", by_file("table.csv"))
PICTURES = layout("pictures", by_file("pictures.csv"))
ALSO = layout("original", by_file("original.csv", "also the file {}"))
COPY = layout("class-folders", by_file("copy.csv"), official=False)
TOY = card(TABLE, PICTURES, ALSO, COPY)


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("place", "root"),
    [("table.csv", "."), ("a/table.csv", "a"), ("archive/a/table.csv", "archive/a")],
)
def test_a_layout_is_found_where_it_is_named_and_below(tmp_path: Path, place: str, root: str) -> None:
    source = tmp_path / "outer" / "named"
    source.mkdir(parents=True)
    put(source / place)
    found = recognise(TOY, source)
    assert (found.root, found.layout.name, found.evidence) == ((source / root).resolve(), "table", "the file table.csv")


def test_three_folders_below_is_too_far(tmp_path: Path) -> None:
    put(tmp_path / "a/b/c/table.csv")
    with pytest.raises(FerBenchError, match="not recognised as Toy"):
        recognise(TOY, tmp_path)


def test_the_nearest_place_wins(tmp_path: Path) -> None:
    put(tmp_path / "named/a/b/pictures.csv")
    put(tmp_path / "named/a/table.csv")
    put(tmp_path / "pictures.csv")
    assert recognise(TOY, tmp_path / "named").root == (tmp_path / "named/a").resolve()


def by_parts(path: Path) -> str | None:
    return "train/ and more parts/ with faces, and list.csv" if (path / "train").is_dir() else None


PARTS = card(layout("parts", by_parts))


def test_a_part_leads_to_its_dataset_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train", "more parts"):
        (tmp_path / name).mkdir()
    put(tmp_path / "list.csv")
    for name in ("train", "more parts", "list.csv"):
        found = recognise(PARTS, tmp_path / name)
        assert (found.root, found.above) == (tmp_path.resolve(), True)
    assert not recognise(PARTS, tmp_path).above
    monkeypatch.chdir(tmp_path / "train")
    assert recognise(PARTS, Path()).root == tmp_path.resolve()


@pytest.mark.parametrize("name", ["v2", "empty", "rain", "faces", "list.csv2", "with"])
def test_another_folder_or_file_beside_a_dataset_does_not_lead_to_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / name).mkdir()
    put(tmp_path / "a_file.csv")
    for source in (tmp_path / name, tmp_path / "a_file.csv"):
        with pytest.raises(FerBenchError, match=f"{source}: not recognised"):
            recognise(PARTS, source)


@pytest.mark.parametrize("hidden", [".trash", "__MACOSX"])
def test_hidden_folders_and_links_elsewhere_are_not_entered(tmp_path: Path, hidden: str) -> None:
    put(tmp_path / "elsewhere/table.csv")
    put(tmp_path / "named/inner" / hidden / "table.csv")
    put(tmp_path / "named" / hidden / "table.csv")
    (tmp_path / "named/link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FerBenchError, match="not recognised"):
        recognise(TOY, tmp_path / "named")
    assert recognise(TOY, tmp_path / "named/link").root == (tmp_path / "elsewhere").resolve()


def test_a_layout_that_is_one_file_is_found_by_the_file_or_its_folder(tmp_path: Path) -> None:
    one_file = layout("file", lambda path: "the table" if path.name == "one.csv" and path.is_file() else None)
    path = put(tmp_path / "one.csv")
    table = put(tmp_path / "table.csv")
    assert recognise(card(one_file), path).root == path.resolve()
    assert recognise(TOY, table).root == tmp_path.resolve()


def test_two_layouts_are_refused_and_both_are_named_with_what_takes_them(tmp_path: Path) -> None:
    put(tmp_path / "table.csv")
    put(tmp_path / "pictures.csv")
    with pytest.raises(FerBenchError) as error:
        recognise(TOY, tmp_path)
    table, pictures = str(error.value).splitlines()[1:3]
    assert table.split() == f"table in {tmp_path}: the file table.csv (take it with --layout table)".split()
    assert "--layout pictures" in pictures
    assert recognise(TOY, tmp_path, "table").layout is TABLE
    assert recognise(TOY, tmp_path, "pictures").layout is PICTURES


def test_a_layout_that_is_not_there_may_be_left_out(tmp_path: Path) -> None:
    put(tmp_path / "table.csv")
    with pytest.raises(FerBenchError, match=r"not recognised as .* Expected, or leave out --layout to have it recogni"):
        recognise(TOY, tmp_path, "pictures")
    assert recognise(TOY, tmp_path).layout is TABLE
    with pytest.raises(FerBenchError, match=r"it holds d\. Expected one of:"):
        recognise(TOY, put(tmp_path / "elsewhere/b/c/d").parent)


def test_two_copies_of_a_layout_are_refused_and_their_folders_named(tmp_path: Path) -> None:
    put(tmp_path / "new/table.csv")
    put(tmp_path / "old/table.csv")
    for forced in (None, "table"):
        with pytest.raises(FerBenchError) as error:
            recognise(TOY, tmp_path, forced)
        for name in ("new", "old"):
            assert f"--layout table --source {tmp_path / name}" in str(error.value)
    assert recognise(TOY, tmp_path / "old").root == tmp_path / "old"


def test_the_second_choice_of_a_folder_gives_way_unless_it_is_named_or_alone(tmp_path: Path) -> None:
    put(tmp_path / "original.csv")
    alone = recognise(TOY, tmp_path)
    assert (alone.layout, alone.evidence) == (ALSO, "the file original.csv")
    put(tmp_path / "table.csv")
    assert recognise(TOY, tmp_path).layout is TABLE
    forced = recognise(TOY, tmp_path, "original")
    assert (forced.layout, forced.evidence) == (ALSO, "the file original.csv")


def test_a_second_choice_in_another_folder_is_ambiguous(tmp_path: Path) -> None:
    put(tmp_path / "a/table.csv")
    put(tmp_path / "b/original.csv")
    with pytest.raises(FerBenchError, match="more than once"):
        recognise(TOY, tmp_path)


def test_a_reupload_is_taken_only_when_named(tmp_path: Path) -> None:
    put(tmp_path / "copy.csv")
    with pytest.raises(FerBenchError) as error:
        recognise(TOY, tmp_path)
    message = str(error.value)
    assert f"looks like a re-upload of Toy (class-folders in {tmp_path}: the file copy.csv)" in message
    assert "it is not the official split; take it with --layout class-folders" in message
    assert "table: a folder with table.csv" in message
    assert recognise(TOY, tmp_path, "class-folders").layout is COPY


def test_official_files_further_away_come_before_a_reupload(tmp_path: Path) -> None:
    put(tmp_path / "copy.csv")
    put(tmp_path / "a/b/table.csv")
    assert recognise(TOY, tmp_path).layout is TABLE


def test_a_named_layout_that_is_not_there_is_the_only_one_expected(tmp_path: Path) -> None:
    put(tmp_path / "table.csv")
    with pytest.raises(FerBenchError) as error:
        recognise(TOY, tmp_path, "pictures")
    assert "it holds table.csv" in str(error.value)
    assert "a folder with pictures.csv" in str(error.value)
    assert "a folder with table.csv" not in str(error.value)


def test_an_unknown_layout_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FerBenchError, match="no layout 'tabel'; known: table, pictures, original, class-folders"):
        recognise(TOY, tmp_path, "tabel")


def test_an_unrecognised_folder_is_told_by_its_first_entries(tmp_path: Path) -> None:
    for number in range(15):
        put(tmp_path / f"file{number:02}.txt")
    (tmp_path / "a_folder").mkdir()
    with pytest.raises(FerBenchError) as error:
        recognise(TOY, tmp_path)
    message = str(error.value)
    assert "it holds a_folder/, file00.txt" in message
    assert "file10.txt and 4 more" in message
    assert "file11.txt" not in message
    for expected in (TABLE, PICTURES, ALSO):
        assert f"{expected.name}: {expected.description}" in message


def test_the_advice_is_a_command_as_the_shell_takes_it(tmp_path: Path) -> None:
    (tmp_path / "my data (1)").mkdir()
    with pytest.raises(FerBenchError) as error:
        recognise(TOY, tmp_path / "my data (1)")
    assert f"fer-bench inspect '{tmp_path / 'my data (1)'}' tells" in str(error.value)


def test_an_empty_folder_a_stray_file_and_a_missing_path_are_told_apart(tmp_path: Path) -> None:
    empty = tmp_path / "there" / "empty"
    empty.mkdir(parents=True)
    stray = put(tmp_path / "there" / "notes.txt")
    for path, found in ((empty, "it is empty"), (stray, "it is a file"), (tmp_path / "gone", "no such file or folder")):
        with pytest.raises(FerBenchError, match=found):
            recognise(TOY, path)
        assert found in describe(path)


def test_a_link_to_itself_is_a_missing_path(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(FerBenchError, match="no such file or folder"):
        recognise(TOY, tmp_path / "loop")


def test_packed_archives_are_noticed_where_raf_db_has_them(tmp_path: Path) -> None:
    put(tmp_path / "basic/Image/original.ZIP")
    put(tmp_path / "basic/Image/aligned.zip")
    put(tmp_path / "notes.txt")
    for source, first in ((tmp_path, "basic/Image/"), (tmp_path / "basic", "Image/"), (tmp_path / "basic/Image", "")):
        with pytest.raises(FerBenchError) as error:
            recognise(TOY, source)
        assert f"it holds archives ({first}aligned.zip, {first}original.ZIP): unpack them" in str(error.value)
        assert "archives (" in describe(source)


def test_names_that_are_not_utf8_can_be_printed(tmp_path: Path) -> None:
    put(tmp_path / os.fsdecode(b"f\xe4ce.txt"))
    with pytest.raises(FerBenchError) as error:
        recognise(TOY, tmp_path)
    assert b"f\\udce4ce.txt" in str(error.value).encode()


def refusing(name: str) -> Callable[[Path], str | None]:
    """Recognise as usual, but be refused at a folder: the tests may run as a user who is refused nothing."""

    def recogniser(path: Path) -> str | None:
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return by_file("table.csv")(path)

    return recogniser


def test_an_unreadable_folder_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir()
    with pytest.raises(FerBenchError, match=r"locked: cannot be read \(Permission denied\)"):
        recognise(card(layout("table", refusing("locked"))), tmp_path / "locked")


def test_an_unreadable_folder_beside_the_dataset_does_no_harm_and_is_named_otherwise(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir()
    locked = card(layout("table", refusing("locked")))
    with pytest.raises(FerBenchError, match=f"unreadable: {tmp_path / 'locked'}"):
        recognise(locked, tmp_path)
    put(tmp_path / "open/table.csv")
    assert recognise(locked, tmp_path).root == tmp_path / "open"


def test_a_folder_that_cannot_be_listed_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path)

    (tmp_path / "locked").mkdir()
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(FerBenchError, match=r"locked: cannot be read \(Permission denied\)"):
        recognise(TOY, tmp_path / "locked")
    with pytest.raises(FerBenchError, match=f"unreadable: {tmp_path / 'locked'}"):
        recognise(TOY, tmp_path)


def test_a_folder_within_that_cannot_be_listed_is_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path) -> str | None:
        raise PermissionError(13, "Permission denied", str(path / "train/angry"))

    (tmp_path / "train/angry").mkdir(parents=True)
    toy = card(layout("folders", fails), name="toy")
    with pytest.raises(FerBenchError) as caught:
        recognise(toy, tmp_path)
    assert str(caught.value) == f"{tmp_path}/train/angry: cannot be read (Permission denied)"


@pytest.fixture
def two_datasets(monkeypatch: pytest.MonkeyPatch) -> DatasetCard:
    other = card(layout("list", by_file("list.txt")), layout("by-name", by_file("names.txt"), False), name="other")
    monkeypatch.setattr(recognition, "dataset_cards", lambda: {"toy": TOY, "other": other})
    return other


def names(source: Path) -> list[tuple[str, str, bool]]:
    return [(found.card.name, found.layout.name, found.official) for found in inspect(source)]


def test_inspect_tells_dataset_layout_place_and_evidence(tmp_path: Path, two_datasets: DatasetCard) -> None:
    put(tmp_path / "wrapped/list.txt")
    (found,) = inspect(tmp_path)
    assert (found.card, found.layout.name, found.official) == (two_datasets, "list", True)
    assert (found.root, found.evidence) == (tmp_path / "wrapped", "the file list.txt")


@pytest.mark.usefixtures("two_datasets")
def test_inspect_lists_every_candidate_official_ones_first(tmp_path: Path) -> None:
    for name in ("copy.csv", "names.txt", "list.txt", "table.csv", "original.csv"):
        put(tmp_path / name)
    put(tmp_path / "below/pictures.csv")
    assert names(tmp_path) == [
        ("toy", "table", True),
        ("other", "list", True),
        ("toy", "class-folders", False),
        ("other", "by-name", False),
    ]


@pytest.mark.usefixtures("two_datasets")
def test_inspect_goes_on_from_a_reupload_to_the_official_files(tmp_path: Path) -> None:
    put(tmp_path / "named/copy.csv")
    put(tmp_path / "named/train/copy.csv")
    assert names(tmp_path / "named") == [("toy", "class-folders", False)]
    put(tmp_path / "named/train/below/list.txt")
    assert names(tmp_path / "named") == [("other", "list", True), ("toy", "class-folders", False)]


@pytest.mark.usefixtures("two_datasets")
def test_inspect_of_something_else_is_empty_and_of_nothing_an_error(tmp_path: Path) -> None:
    put(tmp_path / "named/notes.txt")
    assert inspect(tmp_path / "named") == []
    assert describe(tmp_path / "named") == "it holds notes.txt"
    with pytest.raises(FerBenchError, match="gone: no such file or folder"):
        inspect(tmp_path / "gone")
