"""The variants of a model: by the number of frozen layers, and by the head on its backbone."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from fer_bench.errors import FerBenchError
from fer_bench.models import model_card
from fer_bench.recipe import Recipe


@dataclass(frozen=True)
class Variant:
    """One row of an ablation."""

    title: str
    model: str
    """Of the registry: another head is another model."""
    recipe: Recipe


def freezing(model: str, recipe: Recipe, layers: Sequence[int] = ()) -> list[Variant]:
    """Return variants by the number of frozen layers, counted from the input, ascending.

    Args:
        model: one with a backbone.
        recipe: what the variants have in common.
        layers: ``()`` for none, the model's own number, and the ends of the backbone's stages.

    Raises:
        FerBenchError: no backbone is known for the model, or it has fewer layers.
    """
    backbone = model_card(model).backbone_to_freeze(max(layers, default=0))
    chosen = sorted(set(layers)) or sorted({0, backbone.frozen, *backbone.stages})
    variants = []
    for number in chosen:
        own = number == backbone.frozen
        # A recipe that says nothing freezes the model's own: the same run, under the recipe's name.
        changed = recipe if own and recipe.freeze_layers is None else recipe.changed(freeze_layers=number)
        title = f"{number} of {backbone.layers}" + (" (the model's own)" if own else "")
        variants.append(Variant(title, model, changed))
    return variants


def heads(model: str, recipe: Recipe) -> list[Variant]:
    """Return variants by the head on the same backbone, the model's own first; all start as ``model`` does.

    Raises:
        FerBenchError: no other heads are known for the model.
    """
    card = model_card(model)
    if not card.heads:
        raise FerBenchError(f"{model}: no other heads are known for this model; try clcm or mobilenetv2")
    variants = []
    for head in card.heads:
        own = model_card(head.model).dropout
        kept = own if recipe.dropout is None or own == 0 else recipe.dropout
        changed = recipe.starting(head.model, pretrained=model in recipe.pretrained)
        if head.dropout != kept:
            wanted = None if head.dropout == own else head.dropout
            suffix = "dropout" if wanted is None else f"dropout{wanted:g}"
            changed = dataclasses.replace(changed, name=f"{recipe.name}+{suffix}", dropout=wanted)
        variants.append(Variant(head.title, head.model, changed))
    return variants
