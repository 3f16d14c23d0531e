"""What the manifests of prepared datasets tell of them: training sets, fingerprints, numbers of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fer_bench.datasets.joined import SEPARATOR, in_order, joined_fingerprint, parts_of
from fer_bench.datasets.prepared import manifest_of, prepared_names
from fer_bench.workspace import Workspace


@dataclass(frozen=True)
class Manifests:
    """The prepared datasets of a workspace, as their manifests describe them; a ``name`` may join several by ``+``."""

    by_name: Mapping[str, dict[str, Any]]

    @classmethod
    def of(cls, workspace: Workspace) -> "Manifests":
        """Read those of a workspace.

        Raises:
            FerBenchError: one is unreadable, or lies in a folder of another name.
        """
        found = {name: manifest_of(workspace, name) for name in prepared_names(workspace.datasets)}
        return cls({name: manifest for name, manifest in found.items() if manifest is not None})

    @property
    def trainable(self) -> list[str]:
        """Names of those with a training set."""
        return [name for name in self.by_name if self.images(name)]

    @property
    def test_only(self) -> list[str]:
        """Names of the others."""
        return [name for name in self.by_name if not self.images(name)]

    def are_joined(self, name: str) -> bool:
        """Return whether a name is that of several, in their order, all with a training set."""
        parts = name.split(SEPARATOR)
        known = len(parts) > 1 and len(set(parts)) == len(parts) and set(parts) <= set(self.trainable)
        return known and in_order(name) == name

    def fingerprint(self, name: str) -> str:
        """Return the fingerprint as records keep it."""
        prints = [(part, str(self.by_name[part]["fingerprint"])) for part in parts_of(name)]
        return joined_fingerprint(prints) if len(prints) > 1 else prints[0][1]

    def images(self, name: str) -> int:
        """Return the images that an epoch goes through, validation included; 0 for a test set alone."""
        splits = [self.by_name[part]["counts"]["splits"] for part in parts_of(name)]
        return sum(sum(one.get(split, ())) for one in splits if "train" in one for split in ("train", "val"))
