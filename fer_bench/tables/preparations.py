"""What a prepared dataset holds, in words, where that is not the default of its card."""

from collections.abc import Iterable, Iterator, Sequence

from fer_bench.datasets import dataset_card
from fer_bench.datasets.card import DatasetCard
from fer_bench.errors import FerBenchError
from fer_bench.records import Preparation


def choices(found: Iterable[Preparation | None]) -> str:
    """Return in parentheses, after a space, what is not the default; empty for defaults and for older records."""
    told = dict.fromkeys(", ".join(_choices(one)) for one in found if one is not None)
    words = " / ".join(text for text in told if text)
    return f" ({words})" if words else ""


def sentence(dataset: str, found: Sequence[Preparation | None]) -> str:
    """Return in a sentence what is not the default of a test set; empty for defaults and for older records.

    Another official layout is named, but no departure: it holds the same images with the same labels.
    """
    words = choices(found)
    if not words:
        return ""
    if any(_departs(one) for one in found if one is not None):
        return f"{dataset} was not prepared as by default{words}."
    # Of somebody's own dataset there is no card at hand, hence no default: all is told.
    return f"{dataset} was prepared {'from' if _card(dataset) else 'by'} {words[2:-1]}."


def _departs(found: Preparation) -> bool:
    card = _card(found.dataset)
    if card is None:
        return False
    return (
        not _is_default(card, found)
        # A layout's own crop is another one than that of pictures that come cropped.
        or found.crop != card.layouts[0].crops[0]
        or found.layout not in {layout.name for layout in card.layouts if layout.official}
        or not found.official_split
        or found.complete is False
    )


def _choices(found: Preparation) -> Iterator[str]:
    card = _card(found.dataset)
    if card is None or not _is_default(card, found):
        yield f"protocol {found.protocol}, version {found.protocol_version}"
    layouts = {layout.name: layout for layout in card.layouts} if card else {}
    if found.layout not in layouts or found.crop != layouts[found.layout].crops[0]:
        yield f"crop {found.crop}"
    if found.layout != next(iter(layouts), None):
        yield f"layout {found.layout}"
    if not found.official_split:
        yield "a re-upload, not the official split"
    if found.complete is False:
        yield "incomplete copy"


def _card(dataset: str) -> DatasetCard | None:
    """Return the card, ``None`` of a dataset of somebody's own, which the records tell of without it."""
    try:
        return dataset_card(dataset)
    except FerBenchError:
        return None


def _is_default(card: DatasetCard, found: Preparation) -> bool:
    default = card.protocols[0]
    return (found.protocol, found.protocol_version) == (default.name, default.version)


def deviations(found: Preparation) -> Iterator[str]:
    """Yield in a few words each why what was trained or tested on this dataset of the paper's is not comparable."""
    card = _card(found.dataset)
    if card is None:
        return
    default = card.protocols[0]
    if not _is_default(card, found):
        yield (
            f"{card.title} by protocol {found.protocol}, version {found.protocol_version} "
            f"(default: {default.name}, version {default.version})"
        )
    if not found.official_split:
        yield f"{card.title} from a re-upload, layout {found.layout}, not the official split"
