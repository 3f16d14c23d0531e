"""ImageNet weights: in Keras' cache, or where Keras would download them from. Nothing is downloaded."""

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from fer_bench.doctor.finding import Finding
from fer_bench.models.pretrained import DOWNLOADS, opens

FILE = DOWNLOADS["MobileNetV2"]
FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
SECONDS = 5.0
"""In which the server must answer."""


def check_imagenet(keras_home: Path) -> list[Finding]:
    """Look for the weights that CLCM and the MobileNetV2 variants can start from.

    Args:
        keras_home: Keras' folder, whose ``models`` is its cache.
    """
    name = "ImageNet weights"
    kept = keras_home / "models" / FILE
    if kept.is_file() and opens(kept):
        return [Finding(check=name, state="ok", found=str(kept))]
    here = f"{kept} is cut short" if kept.is_file() else f"not in {kept.parent} yet"
    reason = _unreachable(FOLDER + FILE)
    if reason is None:
        return [Finding(check=name, state="ok", found=f"{here}; Keras can download them")]
    return [
        Finding(
            check=name,
            state="warning",
            found=f"{here}, and not to be downloaded ({reason})",
            advice=f"put {FILE} there, or give its path with --weights PATH, or start with --weights random",
        )
    ]


def _unreachable(address: str) -> str | None:
    """Return why a file cannot be had, ``None`` where it can; only its head is asked for."""
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):
            return None
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
