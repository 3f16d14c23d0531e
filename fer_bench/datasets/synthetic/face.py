"""Who a drawn face is and what its muscles do: no geometry, no pixels.

Action units and the combinations for each emotion follow Ekman, Friesen and Hager, Facial Action Coding System:
Investigator's Guide (2002), and EMFACS.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
T = TypeVar("T")
Unit = int | str
"""A FACS action unit: ``12`` on both sides, ``"L12"`` or ``"R12"`` on the person's left or right side only."""

HAIR_STYLES = ("bald", "cropped", "side-parted", "fringe", "long", "curly", "bun", "covered")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")

_SKIN = np.array(  # From light to dark, blue-green-red as OpenCV orders them.
    [(182, 206, 240), (152, 182, 228), (120, 152, 204), (92, 124, 178), (68, 94, 142), (52, 70, 108)], dtype=float
)
_HAIR = np.array(
    [(28, 30, 34), (34, 48, 66), (50, 82, 116), (92, 150, 190), (48, 76, 150), (190, 192, 194)], dtype=float
)
_IRIS = np.array([(36, 52, 74), (60, 88, 100), (120, 104, 76), (70, 96, 70)], dtype=float)


@dataclass(frozen=True)
class Identity:
    """One person. Factors are around 1, colours BGR in 0-255."""

    gender: Literal["male", "female"]
    age: float
    """Years."""
    head_width: float
    head_height: float
    jaw: float
    """0 pointed to 1 square."""
    chin: float
    """Height of the chin below the mouth, factor."""
    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    hair_style: str
    """One of :data:`HAIR_STYLES`."""
    hair_volume: float
    hairline: float
    """Height of the hairline over the origin, face units."""
    parting: float
    """-1 to 1: where the hair parts."""
    brow_thickness: float
    brow_height: float
    brow_arch: float
    eye_size: float
    eye_opening: float
    eye_distance: float
    eye_tilt: float
    iris: tuple[float, float, float]
    nose_width: float
    nose_length: float
    mouth_width: float
    mouth_height: float
    """Shift of the mouth, face units."""
    upper_lip: float
    lower_lip: float
    lip_redness: float
    beard: str
    """One of :data:`BEARDS`."""
    glasses: str
    """``none``, ``round``, ``square`` or ``rimless``."""
    clothes: tuple[float, float, float]
    texture: int
    """Seed of what is this person's own and random: strands of hair."""


def draw_identity(rng: np.random.Generator) -> Identity:
    """Return a person drawn from ``rng``."""
    male = bool(rng.random() < 0.5)
    age = max(12.0, min(85.0, rng.gamma(6.0, 6.0)))
    grey = rng.random() < (age - 35) / 45
    tone = rng.random() ** 1.5 * (len(_SKIN) - 1)
    skin = _between(_SKIN, tone) * rng.normal(1, (0.03, 0.02, 0.02))
    shade = 5 if grey else _pick(rng, range(5), (0.35, 0.28, 0.17, 0.13, 0.07) if tone < 3 else (0.5, 0.5, 0, 0, 0))
    chances = (
        (0.12, 0.36, 0.26, 0.06, 0.06, 0.10, 0.00, 0.04) if male else (0.01, 0.06, 0.1, 0.2, 0.32, 0.13, 0.1, 0.08)
    )
    bearded = male and age > 20
    return Identity(
        gender="male" if male else "female",
        age=age,
        head_width=_around(rng, 1.0, 0.05),
        head_height=_around(rng, 1.0, 0.05),
        jaw=max(0.0, min(1.0, rng.normal(0.6 if male else 0.3, 0.2))),
        chin=_around(rng, 1.03 if male else 0.96, 0.06),
        skin=_colour(skin),
        hair=_colour(_HAIR[shade] * rng.uniform(0.75, 1.25)),
        hair_style=_pick(rng, HAIR_STYLES, chances),
        hair_volume=float(rng.uniform(0.4, 1.6)),
        hairline=float(rng.uniform(0.72, 0.86) + (0.12 * rng.random() if male and age > 40 else 0)),
        parting=float(rng.uniform(-1, 1)),
        brow_thickness=_around(rng, 1.2 if male else 0.85, 0.2),
        brow_height=float(rng.normal(0, 0.022)),
        brow_arch=float(rng.uniform(0.0, 1.0)),
        eye_size=_around(rng, 1.0 if male else 1.06, 0.07),
        eye_opening=_around(rng, 1.0, 0.14),
        eye_distance=_around(rng, 1.0, 0.05),
        eye_tilt=float(rng.normal(0.012, 0.02)),
        iris=_colour(_IRIS[rng.integers(4) if tone < 2 else 0]),
        nose_width=_around(rng, 1.0, 0.14),
        nose_length=_around(rng, 1.0, 0.08),
        mouth_width=_around(rng, 1.0, 0.07),
        mouth_height=float(rng.normal(0, 0.02)),
        upper_lip=_around(rng, 1.0 if male else 1.2, 0.22),
        lower_lip=_around(rng, 1.0 if male else 1.15, 0.18),
        lip_redness=float(rng.uniform(0.1, 0.6) if male else rng.uniform(0.3, 1.0)),
        beard=_pick(rng, BEARDS, (0.56, 0.16, 0.08, 0.07, 0.13)) if bearded else "none",
        glasses=_pick(rng, ("none", "round", "square", "rimless"), (0.84, 0.06, 0.06, 0.04)),
        clothes=_colour(rng.uniform(30, 220, 3)),
        texture=int(rng.integers(2**31)),
    )


# Unit, chance that it takes part, weakest and strongest intensity at full expression.
_EMFACS: dict[str, tuple[tuple[Unit, float, float, float], ...]] = {
    "angry": ((4, 1.0, 0.7, 1.0), (5, 0.5, 0.2, 0.6), (7, 0.85, 0.4, 1.0)),
    "disgust": ((9, 0.95, 0.6, 1.0), (10, 0.9, 0.5, 1.0), (4, 0.3, 0.1, 0.4), (17, 0.5, 0.3, 0.8), (6, 0.3, 0.2, 0.5)),
    "fear": ((1, 0.95, 0.6, 1.0), (2, 0.6, 0.2, 0.7), (4, 0.85, 0.4, 0.9), (5, 0.95, 0.6, 1.0), (7, 0.3, 0.1, 0.4),
             (20, 0.95, 0.6, 1.0), (25, 0.9, 0.4, 1.0), (26, 0.4, 0.1, 0.35)),
    "happy": ((6, 0.85, 0.4, 1.0), (12, 1.0, 0.65, 1.0), (25, 0.65, 0.4, 1.0), (26, 0.25, 0.1, 0.45)),
    "neutral": ((1, 0.15, 0.05, 0.2), (4, 0.15, 0.05, 0.2), (12, 0.15, 0.05, 0.15), (26, 0.15, 0.05, 0.15)),
    "sad": ((1, 0.95, 0.6, 1.0), (4, 0.8, 0.3, 0.7), (15, 0.95, 0.6, 1.0), (17, 0.65, 0.3, 0.9), (43, 0.5, 0.2, 0.5)),
    "surprise": ((1, 0.95, 0.7, 1.0), (2, 0.95, 0.7, 1.0), (5, 0.9, 0.5, 1.0), (25, 1.0, 0.6, 1.0),
                 (26, 0.95, 0.6, 1.0), (27, 0.4, 0.2, 0.8)),
    "contempt": ((1, 0.1, 0.05, 0.2), (4, 0.2, 0.1, 0.3), (17, 0.3, 0.1, 0.4)),
}  # fmt: skip

# Ways in which the mouth joins in, of which a face shows one, with their chances.
_MOUTHS: dict[str, tuple[tuple[float, tuple[tuple[Unit, float, float, float], ...]], ...]] = {
    "angry": (
        (0.4, ((23, 1.0, 0.6, 1.0), (17, 0.4, 0.2, 0.6))),
        (0.3, ((24, 1.0, 0.6, 1.0), (17, 0.5, 0.3, 0.7))),
        (0.3, ((10, 0.8, 0.3, 0.7), (16, 0.8, 0.4, 1.0), (23, 0.8, 0.4, 0.8), (25, 1.0, 0.5, 1.0))),
    ),
    "disgust": (
        (0.5, ((15, 0.9, 0.3, 0.9),)),
        (0.5, ((16, 1.0, 0.3, 0.8), (25, 0.9, 0.3, 0.7), (15, 0.4, 0.2, 0.5))),
    ),
    "contempt": (
        (0.5, (("R12", 0.9, 0.4, 0.8), ("R14", 1.0, 0.6, 1.0), ("R2", 0.3, 0.2, 0.6))),
        (0.5, (("L12", 0.9, 0.4, 0.8), ("L14", 1.0, 0.6, 1.0), ("L2", 0.3, 0.2, 0.6))),
    ),
}


def action_units(emotion: str, rng: np.random.Generator, intensity: float = 1.0) -> dict[Unit, float]:
    """Return action units and their intensities (0 absent to 1 strongest) for one showing of an emotion.

    Units join in by chance, each with an intensity of its own, some more strongly on one side; the gaze (61 to 64)
    and a slight closing of the lids (43) are added to any emotion.

    Args:
        emotion: one of the seven classes, or contempt.
        rng: source of all choices.
        intensity: scales every unit that belongs to the emotion; 0 gives a relaxed face.
    """
    recipe = list(_EMFACS[emotion])
    if emotion in _MOUTHS:
        chances, ways = zip(*_MOUTHS[emotion], strict=True)
        recipe += _pick(rng, ways, chances)
    units: dict[Unit, float] = {}
    for unit, chance, low, high in recipe:
        if rng.random() >= chance:
            continue
        value = intensity * rng.uniform(low, high)
        if isinstance(unit, int) and unit < 24 and rng.random() < 0.2:
            weaker = value * rng.uniform(0.6, 0.9)
            left_first = rng.random() < 0.5
            units[f"L{unit}"], units[f"R{unit}"] = (value, weaker) if left_first else (weaker, value)
        else:
            units[unit] = value
    horizontal, vertical = rng.normal(0, 0.35, 2)
    units[61 if horizontal < 0 else 62] = min(abs(horizontal), 1.0)
    units[63 if vertical < 0 else 64] = min(abs(vertical), 1.0)
    if 5 not in units:
        units[43] = max(units.get(43, 0.0), rng.uniform(0, 0.2))
    return units


def _between(table: Array, position: float) -> Array:
    low = min(int(position), len(table) - 2)
    share = position - low
    return np.asarray((1 - share) * table[low] + share * table[low + 1])


def _around(rng: np.random.Generator, mean: float, deviation: float) -> float:
    return mean + deviation * max(-2.2, min(2.2, rng.standard_normal()))


def _colour(values: Array) -> tuple[float, float, float]:
    blue, green, red = (max(0.0, min(255.0, value)) for value in values.tolist())
    return blue, green, red


def _pick(rng: np.random.Generator, names: Sequence[T], chances: Sequence[float]) -> T:
    """Return one of ``names``; ``Generator.choice`` does the same twenty times slower."""
    rest = rng.random() * sum(chances)
    for name, chance in zip(names, chances, strict=True):
        rest -= chance
        if rest < 0:
            return name
    return names[-1]
