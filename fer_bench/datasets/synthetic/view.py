"""How a face is posed, lit and photographed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class View:
    """How a face is posed, lit and photographed."""

    yaw: float
    """Degrees, positive turns to the right of the picture."""
    pitch: float
    """Degrees, positive looks down."""
    roll: float
    """Degrees, positive turns clockwise."""
    scale: float
    """Length of one face unit, as a share of the picture's side."""
    centre: tuple[float, float]
    """Where the middle of the face lies, as shares of the picture's sides."""
    light_angle: float
    """Degrees: where the light comes from, 0 the right of the picture, 90 the bottom."""
    light_strength: float
    """0 even light to about 0.6 one side in shadow."""
    brightness: float
    """Factor on all pixels."""
    contrast: float
    """Factor around mid-gray."""
    gamma: float
    blur: float
    """Standard deviation of a Gaussian blur, as a share of the picture's side."""
    noise: float
    """Standard deviation of the camera's noise, gray levels."""
    backdrop: Literal["plain", "scene"]
    backdrop_seed: int
    grain_seed: int
    """Seed of the noise."""


def draw_view(rng: np.random.Generator, setting: Literal["wild", "laboratory"] = "wild") -> View:
    """Return a view drawn from ``rng``: faces that fill a picture from anywhere, or the calm ones of a laboratory."""
    seeds = rng.integers(2**31, size=2)
    if setting == "laboratory":
        yaw, pitch, roll = rng.normal(0, (3, 3, 2))
        return View(
            yaw=float(yaw),
            pitch=float(pitch),
            roll=float(roll),
            scale=float(rng.uniform(0.155, 0.195)),
            centre=(float(rng.normal(0.5, 0.02)), float(rng.normal(0.48, 0.015))),
            light_angle=float(rng.uniform(180, 360)),
            light_strength=float(rng.uniform(0, 0.15)),
            brightness=float(rng.uniform(0.9, 1.15)),
            contrast=float(rng.uniform(0.9, 1.1)),
            gamma=float(rng.uniform(0.9, 1.15)),
            blur=float(rng.uniform(0.0006, 0.0015)),
            noise=float(rng.uniform(1, 3)),
            backdrop="plain",
            backdrop_seed=int(seeds[0]),
            grain_seed=int(seeds[1]),
        )
    yaw, pitch, roll = np.clip(rng.normal(0, (10, 6, 3)), (-22, -13, -8), (22, 13, 8))
    return View(
        yaw=float(yaw),
        pitch=float(pitch),
        roll=float(roll),
        scale=float(rng.uniform(0.465, 0.525)),
        centre=(float(rng.uniform(0.48, 0.52)), float(rng.uniform(0.48, 0.52))),
        light_angle=float(rng.uniform(0, 360)),
        light_strength=float(rng.uniform(0, 0.6)),
        brightness=float(rng.uniform(0.85, 1.2)),
        contrast=float(rng.uniform(0.8, 1.15)),
        gamma=float(rng.uniform(0.8, 1.25)),
        blur=float(rng.uniform(0.004, 0.013)),
        noise=float(rng.uniform(0, 6)),
        backdrop="scene",
        backdrop_seed=int(seeds[0]),
        grain_seed=int(seeds[1]),
    )
