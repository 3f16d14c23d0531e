"""ONNX Runtime Web as people get it from npm: two files of a known version, checked byte for byte.

fer-bench fetches nothing itself: ``npm pack onnxruntime-web@1.30.0`` does, and any copy with these bytes will do.
"""

import hashlib
import tarfile
from pathlib import Path
from typing import NamedTuple

from fer_bench.datasets.archives import DAMAGE
from fer_bench.errors import FerBenchError

VERSION = "1.30.0"
_FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""Below ``dist/`` in the package: the smallest build that runs on a CPU, and its WebAssembly; SHA-256 of each."""
_LARGEST = 64 << 20


class WebRuntime(NamedTuple):
    """The runtime's files."""

    module: bytes
    """JavaScript."""
    wasm: bytes


def read_runtime(path: Path | None) -> WebRuntime:
    """Return the runtime from the archive that ``npm pack`` writes, or from a folder that holds it unpacked.

    Args:
        path: the ``.tgz``; or a folder such as ``node_modules/onnxruntime-web``; ``None`` says how to get one.

    Raises:
        FerBenchError: there is none, or its files are not those of :data:`VERSION`.
    """
    how = f"get it with: npm pack onnxruntime-web@{VERSION}, and give --runtime onnxruntime-web-{VERSION}.tgz"
    if path is None:
        raise FerBenchError(f"the page needs ONNX Runtime Web {VERSION}, which is not a Python package; {how}")
    if not path.exists():
        raise FerBenchError(f"--runtime {path}: no such file or folder; {how}")
    contents = []
    for name, digest in _FILES.items():
        content = _from_folder(path, name) if path.is_dir() else _from_archive(path, name, how)
        if content is None:
            raise FerBenchError(f"--runtime {path}: no dist/{name} in it; {how}")
        if hashlib.sha256(content).hexdigest() != digest:
            raise FerBenchError(f"--runtime {path}: its {name} is not that of version {VERSION}; {how}")
        contents.append(content)
    return WebRuntime(*contents)


def _from_folder(folder: Path, name: str) -> bytes | None:
    for place in (folder / "dist", folder / "package" / "dist"):
        if (place / name).is_file():
            return (place / name).read_bytes()
    return None


def _from_archive(path: Path, name: str, how: str) -> bytes | None:
    """Return one member's content; nothing is unpacked to the disk."""
    try:
        with tarfile.open(path, "r:*") as archive:
            stream = archive.extractfile(f"package/dist/{name}")
            return None if stream is None else stream.read(_LARGEST)
    except KeyError:
        return None
    except (OSError, *DAMAGE) as error:
        raise FerBenchError(f"--runtime {path}: not an archive that npm pack writes ({error}); {how}") from error
