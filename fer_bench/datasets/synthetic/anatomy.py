"""The curves of a drawn face: an identity's features, moved by its action units.

Lengths are in face units: half the width of an average head is about 0.82, x grows to the right of the picture,
y downwards; the origin lies between the eyes and the tip of the nose. A curve is a float64 array (n, 3): x, y and
its height over the surface of the head.
"""

from collections.abc import Mapping

import numpy as np

from fer_bench.datasets.synthetic.face import Array, Identity, Unit

_T = np.linspace(-1, 1, 13)
_T2 = _T**2
_BROW = np.linspace(0, 1, 9)
_BROW_TAPER = 1.05 - 0.75 * _BROW**2
_BROW_INNER = (1 - _BROW) ** 1.4
_BROW_OUTER = np.sin(np.pi * np.minimum(0.15 + 0.72 * _BROW, 1)) * _BROW**0.5
_ANGLES = np.radians(np.linspace(-180, 180, 61))
_JAW = np.radians(np.linspace(-98, 98, 17))
_LID = (1 - _T2) ** 0.75
_FULLNESS = 1 - np.abs(_T) ** 2.2
_BOW = 1 - 0.22 * np.exp(-((_T / 0.14) ** 2))
_BASE = np.linspace(-1, 1, 5)
_BALL = np.radians(np.linspace(20, 160, 7))
_STEP = np.linspace(0, 1, 6)
_BEND = np.stack(((1 - _STEP) ** 2, 2 * _STEP * (1 - _STEP), _STEP**2), axis=1)


class Muscles:
    """Intensities of action units, asked for by side of the picture: -1 left, 1 right."""

    def __init__(self, units: Mapping[Unit, float]) -> None:
        self._left: dict[int, float] = {}
        self._right: dict[int, float] = {}
        for unit, value in units.items():
            number = unit if isinstance(unit, int) else int(unit[1:])
            # The person's right side is at the left of the picture.
            if isinstance(unit, int) or unit[0] == "R":
                self._left[number] = max(self._left.get(number, 0.0), value)
            if isinstance(unit, int) or unit[0] == "L":
                self._right[number] = max(self._right.get(number, 0.0), value)

    def side(self, unit: int, side: int) -> float:
        """Return a unit's intensity on one side."""
        return (self._left if side < 0 else self._right).get(unit, 0.0)

    def mean(self, unit: int) -> float:
        """Return a unit's intensity, the mean of both sides."""
        return 0.5 * (self._left.get(unit, 0.0) + self._right.get(unit, 0.0))


def anatomy(identity: Identity, muscles: Muscles) -> dict[str, Array]:
    """Return the curves of a frontal face by name; those of one side end in ``-`` (left of the picture) or ``+``."""
    curves: dict[str, Array] = {}
    drop = _mouth(identity, muscles, curves)
    _outline(identity, drop, curves)
    _nose(identity, muscles, curves)
    for side, sign in ((-1, "-"), (1, "+")):
        _brow(identity, muscles, side, sign, curves)
        _eye(identity, muscles, side, sign, curves)
    return curves


def _line(x: Array | float, y: Array, relief: Array | float = 0.0) -> Array:
    curve = np.empty((len(y), 3))
    curve[:, 0], curve[:, 1], curve[:, 2] = x, y, relief
    return curve


def _outline(identity: Identity, drop: float, curves: dict[str, Array]) -> None:
    chin = 1.0 * identity.head_height + 0.14 * (identity.chin - 1) + drop

    def contour(angles: Array) -> Array:
        sine, cosine = np.sin(angles), np.cos(angles)
        down = np.maximum(cosine, 0)
        width = 0.82 * identity.head_width * np.sign(sine) * np.abs(sine) ** (0.95 - 0.35 * identity.jaw)
        height = np.where(cosine > 0, (chin + 0.12) * down**0.9, 1.08 * identity.head_height * cosine)
        return _line(width * (1 - (0.22 - 0.14 * identity.jaw) * down), height - 0.12)

    curves["head"] = contour(_ANGLES)
    curves["jaw"] = contour(_JAW)


def _brow(identity: Identity, muscles: Muscles, side: int, sign: str, curves: dict[str, Array]) -> None:
    inner, outer, lower = muscles.side(1, side), muscles.side(2, side), muscles.side(4, side)
    wrinkle = muscles.side(9, side)
    inwards = 1 - _BROW
    x = side * identity.eye_distance * (0.15 + 0.57 * _BROW - (0.075 * lower + 0.02 * wrinkle) * inwards)
    y = -0.41 - identity.brow_height - (0.05 + 0.05 * identity.brow_arch) * np.sin(np.pi * (0.1 + 0.85 * _BROW))
    # Lowering pulls the inner end down; with the inner raiser as well, brows draw together and slant instead.
    y += ((0.19 - 0.11 * inner) * lower - 0.2 * inner) * _BROW_INNER + 0.03 * lower * _BROW
    y += 0.10 * wrinkle * (1 - 0.6 * _BROW) - 0.2 * outer * _BROW_OUTER + 0.05 * inner * _BROW * (1 - outer)
    half = 0.038 * identity.brow_thickness * _BROW_TAPER
    curves[f"brow{sign}"] = _line(x, y, 0.06)
    curves[f"brow top{sign}"] = _line(x, y - half, 0.06)
    curves[f"brow bottom{sign}"] = _line(x, y + half, 0.06)
    frown = 0.09 - 0.02 * lower
    curves[f"frown{sign}"] = np.array(
        [(side * frown, -0.42, 0.06), (side * 0.055, -0.32, 0.06), (side * 0.065, -0.23, 0.06)]
    )


def _eye(identity: Identity, muscles: Muscles, side: int, sign: str, curves: dict[str, Array]) -> None:
    raiser, cheek, closed = muscles.side(5, side), muscles.side(6, side), muscles.side(43, side)
    grief = min(muscles.side(1, side), muscles.side(15, side) + closed)
    squint = max(muscles.side(7, side), 0.8 * muscles.side(9, side))
    centre, half = side * 0.40 * identity.eye_distance, 0.225 * identity.eye_size
    x = centre + half * _T
    outwards = side * _T
    middle = -0.17 - identity.eye_tilt * outwards
    up = identity.eye_opening * (0.115 + 0.085 * raiser - 0.07 * squint - 0.02 * cheek) * (1 - 0.75 * closed)
    upper = middle - max(up, 0.014) * (1 - 0.35 * grief * outwards) * _LID
    lower = np.maximum(middle + (0.065 + 0.015 * raiser - 0.05 * squint - 0.09 * cheek) * _LID, upper + 0.014)
    curves[f"lid top{sign}"] = _line(x, upper)
    curves[f"lid bottom{sign}"] = _line(x, lower)
    wide = centre + 1.12 * half * _T
    fold = max(0.05 + 0.02 * raiser - 0.03 * squint, 0.02)
    curves[f"lid fold{sign}"] = _line(wide, upper - fold * (0.3 + _LID))
    curves[f"lid cover{sign}"] = _line(wide, upper - 0.17 * _LID - 0.01)
    curves[f"lid bag{sign}"] = _line(wide, lower + (0.05 + 0.03 * cheek) * _LID)
    curves[f"lid under{sign}"] = _line(wide, lower + 0.17 * _LID + 0.01)
    aside, down = muscles.mean(62) - muscles.mean(61), muscles.mean(64) - muscles.mean(63)
    curves[f"iris{sign}"] = np.array([(centre + 0.065 * aside, -0.185 + 0.035 * down, 0.0)])
    corner = centre + side * (half + 0.035)
    for ray, slope in enumerate((-0.05, 0.01, 0.07)):
        start = -0.19 + 0.035 * ray
        curves[f"crow{ray}{sign}"] = np.array([(corner, start, 0.0), (corner + side * 0.1, start + slope, 0.0)])


def _nose(identity: Identity, muscles: Muscles, curves: dict[str, Array]) -> None:
    wrinkle, sneer = muscles.mean(9), muscles.mean(10)
    base = 0.29 * identity.nose_length - 0.06 * wrinkle - 0.015 * sneer
    width = 0.165 * identity.nose_width * (1 + 0.15 * max(wrinkle, sneer) + 0.08 * muscles.mean(12))
    curves["bridge"] = _line(0.0, np.linspace(-0.16, base - 0.07, 4), np.array([0.05, 0.12, 0.2, 0.27]))
    low = 1 - _BASE**2
    curves["nose base"] = _line(0.72 * width * _BASE, base + 0.03 * low, 0.12 + 0.06 * low)
    curves["nose tip"] = _line(0.5 * width * np.cos(_BALL), base - 0.05 + 0.075 * np.sin(_BALL), 0.2)
    for side, sign in ((-1, "-"), (1, "+")):
        pull = max(muscles.side(9, side), muscles.side(10, side))
        wing = np.array([(0.70, -0.12, 0.1), (0.98, -0.05, 0.1), (1.0, 0.02, 0.1), (0.8, 0.05, 0.1)])
        curves[f"wing{sign}"] = wing * (side * width, 1, 1) + (0, base - 0.02 - 0.03 * pull, 0)
        curves[f"nostril{sign}"] = np.array([(side * 0.45 * width, base + 0.01 - 0.02 * pull, 0.15)])
        for line in range(2):
            y = -0.16 + 0.085 * line
            bend = [(0.02, y + 0.05, 0.1), (0.09, y, 0.08), (0.17, y + 0.035, 0.05)]
            curves[f"nose wrinkle{line}{sign}"] = np.array(bend) * (side, 1, 1)


def _mouth(identity: Identity, muscles: Muscles, curves: dict[str, Array]) -> float:
    """Add the mouth's curves and return by how much the jaw lowers the chin."""
    part, drop, stretch = muscles.mean(25), muscles.mean(26), muscles.mean(27)
    smile, grimace = muscles.mean(12), muscles.mean(20)
    press = min(max(muscles.mean(23), 1.25 * muscles.mean(24)), 1.0)
    raised, depressed, chin = muscles.mean(10), muscles.mean(16), muscles.mean(17) * (1 - 0.75 * part)
    y = 0.58 * identity.head_height + identity.mouth_height
    opening = part * (0.085 + 0.09 * max(raised, depressed) + 0.07 * smile + 0.06 * grimace)
    opening += (0.32 * drop + 0.18 * stretch) * max(part, 0.3)
    ends = []
    for side in (-1, 1):
        up, dimple, down = muscles.side(12, side), muscles.side(14, side), muscles.side(15, side)
        wide = 0.33 * identity.mouth_width + 0.12 * up + 0.05 * dimple - 0.02 * down + 0.14 * grimace
        wide -= 0.07 * press + (0.11 * drop + 0.05 * stretch) * (1 - up) * (1 - grimace)
        ends.append((side * wide, y - 0.18 * up - 0.04 * dimple + 0.15 * down + 0.05 * grimace + 0.25 * opening))
    (left, left_y), (right, right_y) = ends
    x = 0.5 * (left + right) + 0.5 * (right - left) * _T
    # 1 at the corners; a stretched mouth stays flat between them, so that it looks square.
    at_corner = np.abs(_T) ** (1.7 + 1.6 * grimace)
    middle = y - 0.04 * chin - 0.05 * raised - 0.02 * muscles.mean(9)
    centre = (0.5 * (left_y + right_y) + 0.5 * (right_y - left_y) * _T) * at_corner + middle * (1 - at_corner)
    gap = opening * (1 - _T2) ** (0.65 - 0.3 * grimace)
    share = 0.22 + 0.25 * raised + 0.2 * smile
    upper_in, lower_in = centre - share * gap, centre + (1 - share) * gap
    thin = (1 - 0.72 * press) * (1 - 0.2 * smile) * (1 - 0.2 * grimace)
    upper_out = upper_in - 0.08 * identity.upper_lip * thin * (1 + 0.25 * raised) * _FULLNESS * _BOW
    lower_out = lower_in + 0.10 * identity.lower_lip * thin * (1 + 0.3 * chin) * _FULLNESS
    curves["lip upper out"] = _line(x, upper_out, 0.06)
    curves["lip upper in"] = _line(x, upper_in, 0.06)
    curves["lip lower in"] = _line(x, lower_in, 0.06)
    curves["lip lower out"] = _line(x, lower_out, 0.06)
    # Upper teeth show in any open mouth, lower ones where the lip is pulled down or stretched.
    bite = min(0.09 / max(opening, 0.02), 0.85)
    curves["teeth top"] = _line(x, upper_in + bite * gap, 0.04)
    show = min(max(depressed, 0.8 * grimace) * 0.06 / max(opening, 0.02), 0.45)
    curves["teeth bottom"] = _line(x, lower_in - show * gap, 0.04)
    low = float(lower_out[6])
    curves["lip shadow"] = _line(0.5 * x, low + 0.05 + 0.02 * _T2)
    curves["chin ball"] = _line(0.16 * _T, low + 0.09 + 0.07 * _T2)
    for side, sign, (end, end_y) in zip((-1, 1), "-+", ends, strict=True):
        bulge = max(muscles.side(12, side), muscles.side(10, side), 0.8 * muscles.side(9, side))
        bend = [(side * 0.2, 0.17), (side * (0.36 + 0.12 * bulge), 0.26), (end + side * 0.07, end_y + 0.03)]
        curves[f"cheek fold{sign}"] = np.column_stack((_BEND @ bend, np.full(len(_BEND), 0.03)))
        dent = [(0.04, -0.07), (0.075, 0.0), (0.04, 0.07)]
        curves[f"dimple{sign}"] = np.array([(end + side * dx, end_y + dy, 0.03) for dx, dy in dent])
    return 0.5 * opening + 0.05 * drop
