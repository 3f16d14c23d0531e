"""The paint of a synthetic face, layer by layer."""

import cv2
import numpy as np

from fer_bench.datasets.synthetic.anatomy import Muscles
from fer_bench.datasets.synthetic.canvas import Canvas, Colour
from fer_bench.datasets.synthetic.face import Array, Identity
from fer_bench.datasets.synthetic.view import View


def _mix(first: Colour, second: Colour, share: float) -> list[float]:
    """Return ``first`` with a share of ``second``."""
    return [a + (b - a) * share for a, b in zip(first, second, strict=True)]


def _times(colour: Colour, factor: float) -> list[float]:
    return [min(value * factor, 255.0) for value in colour]


_TURN = np.linspace(0, 2 * np.pi, 24, endpoint=False)
CIRCLE = np.column_stack((np.cos(_TURN), np.sin(_TURN)))
"""24 points of the unit circle."""
_CROWN = np.array((0, -0.12))
"""Around which hair widens the head."""
_GLINT = np.array((0.03, -0.03))
_ACROSS = np.linspace(-1, 1, 21)
_NECK = np.array([(-0.42, 0.3), (0.42, 0.3), (0.46, 1.3), (0.6, 1.5), (-0.6, 1.5), (-0.46, 1.3)])
_HALF = np.array([(0.0, 1.52), (0.2, 1.5), (0.5, 1.28), (1.5, 1.6), (1.9, 3.0)])
_SHOULDERS = np.concatenate((_HALF, _HALF[::-1] * (-1, 1)))


class Painter(Canvas):
    """Paints one face on its canvas."""

    def __init__(self, identity: Identity, muscles: Muscles, view: View, side: int) -> None:
        super().__init__(identity, muscles, view, side)
        self._own = np.random.default_rng(identity.texture)

    def paint(self) -> None:
        """Paint everything but light, from the back to the front."""
        self._backdrop()
        self._body()
        self._hair_behind()
        self._head()
        self._eyes()
        self._nose()
        self._beard()
        self._mouth()
        self._brows()
        self._hair_in_front()
        self._glasses()

    def _backdrop(self) -> None:
        rng = np.random.default_rng(self.view.backdrop_seed)
        plain = self.view.backdrop == "plain"
        if plain:
            coarse = rng.uniform(110, 210) * rng.uniform(0.93, 1.07, (2, 2, 1)) * np.ones(3)
        else:
            coarse = rng.uniform(30, 210) + rng.normal(0, 24, (4, 4, 1)) + rng.normal(0, 12, (4, 4, 3))
        coarse = np.clip(coarse, 0, 255).astype(np.uint8)
        cv2.resize(coarse, (self.side, self.side), dst=self.pixels, interpolation=cv2.INTER_LINEAR)
        for _ in range(0 if plain else rng.integers(0, 4)):
            box = (rng.uniform(-0.2, 1.0, 2) + CIRCLE[3::6] * rng.uniform(0.1, 0.6, 2)) * self.side
            self.fill(box, (rng.uniform(20, 220) + rng.normal(0, 20, 3)).tolist())

    def crease(self, name: str, strength: float, width: float = 0.025) -> None:
        """Draw a wrinkle that darkens with its strength, none below 0.12."""
        if strength > 0.12:
            skin = self.identity.skin
            self.stroke(self.points[name], _mix(skin, _times(skin, 0.4), min(strength, 1.0)), width)

    def _body(self) -> None:
        width = self.identity.head_width
        self.fill(self.outline(_NECK * (width, 1)), _times(self.identity.skin, 0.72))
        self.fill(self.outline(_SHOULDERS), self.identity.clothes)

    def _rim(self, volume: float) -> Array:
        """Return the head's upper half from left to right, larger by ``volume``, (n, 2), face units."""
        head = self.curves["head"][:, :2]
        upper = np.concatenate((head[15::-1], head[59:44:-1]))
        return np.asarray((upper - _CROWN) * (1 + volume, 1 + 0.9 * volume) + _CROWN)

    def _hair_behind(self) -> None:
        who, dark = self.identity, _times(self.identity.hair, 0.8)
        if who.hair_style == "long":
            length = 0.5 + 0.6 * who.hair_volume
            right = np.array([(0.98, 0.3), (1.0, length), (0.5, length + 0.15)])
            rim = self._rim(0.10 + 0.08 * who.hair_volume)
            self.fill(self.outline(np.concatenate((rim, right, right[::-1] * (-1, 1)))), dark)
        elif who.hair_style == "curly":
            rim = self._rim(0.12 + 0.14 * who.hair_volume)
            for point, size in zip(self.outline(rim[::2] * 0.96), self._own.uniform(0.15, 0.21, 16), strict=True):
                self.disc(point, size, dark)
            self.fill(self.outline(rim), dark)
        elif who.hair_style == "bun":
            self.disc(self.outline(np.array([(0.1 * who.parting, -1.3)])), 0.3, dark)

    def _head(self) -> None:
        who, skin = self.identity, self.identity.skin
        if who.hair_style not in ("long", "covered"):
            for side in (-1, 1):
                ear = CIRCLE * (0.11, 0.2) + (side * 0.84 * who.head_width, 0.0)
                self.fill(self.outline(ear), _times(skin, 0.84))
        self.fill(self.points["head"], skin)
        for sign, side in (("-", -1), ("+", 1)):
            self.crease(f"cheek fold{sign}", self.fold(side), 0.022)
            self.crease(f"dimple{sign}", 0.9 * self.muscles.side(14, side), 0.03)
        raised = max(self.muscles.mean(1), 0.8 * self.muscles.mean(2)) * (0.4 + who.age / 120)
        strength = max(raised, (who.age - 45) / 70)
        x = np.linspace(-0.42, 0.42, 7)
        for line in range(3):
            y = -0.64 - 0.085 * line - 0.02 * np.cos(5 * x) - 0.1 * self.muscles.mean(1)
            if strength > 0.15 and -y.min() < who.hairline - 0.03:
                colour = _mix(skin, _times(skin, 0.5), min(0.8 * strength, 0.7))
                self.stroke(self.surface(np.column_stack((x, y, 0 * x))), colour, 0.016)

    def fold(self, side: int) -> float:
        """Return how deep the fold from nose to mouth is, 0 to about 1."""
        pull = (0.8 * self.muscles.side(12, side), self.muscles.side(10, side), 0.8 * self.muscles.side(9, side))
        return 0.55 * max(pull) + max(self.identity.age - 35, 0) / 150

    def _eyes(self) -> None:
        who, p, skin = self.identity, self.points, self.identity.skin
        lash, rim = _mix(_times(skin, 0.25), (20, 20, 24), 0.5), _times(skin, 0.55)
        for sign, side in (("-", -1), ("+", 1)):
            top, bottom, iris = p[f"lid top{sign}"], p[f"lid bottom{sign}"], p[f"iris{sign}"]
            self.between(top, bottom, (226, 230, 234))
            self.disc(iris, 0.1 * who.eye_size, _times(who.iris, 0.8))
            self.disc(iris, 0.045 * who.eye_size, (12, 12, 14))
            self.disc(iris + _GLINT * self.unit, 0.018, (240, 240, 240))
            # The skin around the opening hides what of the iris is outside it.
            self.between(top, p[f"lid cover{sign}"], _times(skin, 0.88))
            self.between(bottom, p[f"lid under{sign}"], _times(skin, 0.97))
            self.stroke(p[f"lid fold{sign}"], _times(skin, 0.62), 0.018)
            self.stroke(top, lash, 0.044 if who.gender == "female" else 0.034)
            self.stroke(bottom, rim, 0.018)
            cheek = self.muscles.side(6, side)
            self.crease(f"lid bag{sign}", 0.55 * max(cheek, self.muscles.side(7, side)) + max(who.age - 40, 0) / 120)
            for ray in range(3):
                self.crease(f"crow{ray}{sign}", 0.55 * cheek * (0.4 + who.age / 80), 0.016)

    def _nose(self) -> None:
        p, skin = self.points, self.identity.skin
        self.stroke(p["nose tip"], _times(skin, 0.8), 0.02)
        for sign, side in (("-", -1), ("+", 1)):
            self.stroke(p[f"wing{sign}"], _times(skin, 0.66), 0.026)
            self.disc(p[f"nostril{sign}"], 0.034, _times(skin, 0.35))
            for line in range(2):
                self.crease(f"nose wrinkle{line}{sign}", 0.75 * self.muscles.side(9, side), 0.026)
            self.crease(f"frown{sign}", 0.8 * self.muscles.side(4, side), 0.03)

    def _beard(self) -> None:
        who, curves = self.identity, self.curves
        if who.beard in ("none", "stubble"):  # Stubble is a shadow, see the light.
            return
        colour = _mix(who.hair, _times(who.skin, 0.5), 0.25)
        lip = curves["lip upper out"]
        if who.beard in ("moustache", "full"):
            edge = lip[1:-1] * (0.9, 0, 1) + (0, curves["nose base"][2, 1] + 0.05, 0)
            self.between(self.surface(lip * (1.08, 1, 1)), self.surface(edge), colour)
        if who.beard == "full":
            end_x, end_y, _ = lip[12]
            right = np.array([(0.66, 0.25, 0.0), (0.52, 0.45, 0.0), (end_x + 0.06, end_y - 0.1, 0.03)])
            upper = np.concatenate((right * (-1, 1, 1), lip[::3], right[::-1]))
            self.between(self.outline(curves["jaw"][1:16, :2] * (1.01, 1.03)), self.surface(upper), colour)
        elif who.beard == "goatee":
            chin, low = curves["jaw"][6:11, :2] * (0.9, 1.03), curves["lip shadow"]
            self.between(self.outline(chin), self.surface(low[3:-3]), colour)

    def _mouth(self) -> None:
        p, skin = self.points, self.identity.skin
        red = _mix(_times(skin, 0.72), (70, 62, 168), 0.55 * self.identity.lip_redness)
        upper, lower = p["lip upper in"], p["lip lower in"]
        is_open = bool((self.curves["lip lower in"] - self.curves["lip upper in"]).max() > 0.04)
        self.between(upper, lower, (26, 18, 52))
        if is_open:
            self.between(upper, p["teeth top"], (214, 226, 232))
            self.between(p["teeth bottom"], lower, (196, 210, 218))
        self.between(p["lip upper out"], upper, _times(red, 0.86))
        self.between(lower, p["lip lower out"], red)
        self.stroke(upper, _times(red, 0.4), 0.02 if is_open else 0.034)
        self.crease("lip shadow", 0.35, 0.03)
        self.crease("chin ball", 0.7 * self.muscles.mean(17), 0.03)

    def _brows(self) -> None:
        # Brows stay darker than the skin around them, as most fair people's do in photographs.
        colour = _mix(self.identity.hair, _times(self.identity.skin, 0.3), 0.5)
        for sign in "-+":
            self.between(self.points[f"brow top{sign}"], self.points[f"brow bottom{sign}"], colour)

    def _hair_in_front(self) -> None:
        who, u = self.identity, _ACROSS
        style, part, top, volume, colour = who.hair_style, who.parting, -who.hairline, who.hair_volume, who.hair
        if style == "bald":
            return
        if style == "covered":
            rise, line, colour = 0.10, top + 0.1 + 0.75 * u**6, who.clothes
        elif style == "cropped":
            rise, line = 0.03 + 0.05 * volume, top + 0.5 * np.abs(u) ** 5
        elif style == "side-parted":
            sweep = 0.14 * (1 - np.sign(part) * u) * np.exp(-2 * (u - 0.4 * part) ** 2)
            rise, line = 0.06 + 0.07 * volume, top - 0.06 + sweep + 0.5 * np.abs(u) ** 4
        elif style == "fringe":
            strands = 0.025 * self._own.standard_normal(len(u))
            rise, line = 0.05 + 0.06 * volume, np.maximum(top, -0.68) + strands + 0.7 * np.abs(u) ** 5
        elif style == "long":
            shift = 0.35 * part
            curtain = 0.95 * (np.abs(u - shift) / (1 + abs(shift))) ** 2.2 + 0.25 * u**8
            rise, line = 0.10 + 0.08 * volume, top - 0.03 + curtain
        elif style == "curly":
            bumps = 0.03 * np.sin(9 * u + part) + 0.02 * self._own.standard_normal(len(u))
            rise, line = 0.1, top + 0.06 + bumps + 0.5 * u**4
        else:
            rise, line = 0.03, top - 0.02 + 0.45 * np.abs(u) ** 3
        edge = np.column_stack((0.83 * who.head_width * u, line, 0 * u))
        rim = self._rim(rise)
        self.between(self.surface(edge), self.outline(rim), colour)
        if style not in ("covered", "curly"):
            roots, tips = self.outline(rim[4:-4:2] * 0.98), self.surface(edge[4:-4])
            reach = self._own.uniform(0.3, 0.9, len(roots))[:, None]
            ends = roots + (tips[:: len(tips) // len(roots)][: len(roots)] - roots) * reach
            locks = np.stack((roots, ends), axis=1)
            for start, shade in enumerate((0.82, 1.2)):
                self.strokes(locks[start::2], _times(colour, shade), 0.03)

    def _glasses(self) -> None:
        who = self.identity
        if who.glasses == "none":
            return
        colour, width = ((110, 112, 118), 0.02) if who.glasses == "rimless" else ((30, 28, 32), 0.04)
        power = 1.0 if who.glasses == "round" else 0.5
        glass = np.sign(CIRCLE) * np.abs(CIRCLE) ** power * (0.28, 0.24)
        x = 0.40 * who.eye_distance
        for side in (-1, 1):
            rim = np.column_stack((glass[:, 0] + side * x, glass[:, 1] - 0.15, np.full(len(glass), 0.12)))
            self.stroke(self.surface(rim), colour, width, closed=True)
            self.stroke(
                self.surface(np.array([(side * (x + 0.28), -0.2, 0.1), (side * 0.83, -0.16, 0.0)])), colour, width
            )
        bridge = np.array([(-x + 0.28, -0.18, 0.15), (0, -0.21, 0.15), (x - 0.28, -0.18, 0.15)])
        self.stroke(self.surface(bridge), colour, width)
