"""The images of ours on an engine: which there are, what is in them, and which may go.

`listing` tells ours from what others made of them; `pruning` removes; `contents` looks inside,
without running anything; `sbom` writes down what was found there.
"""

from toolkit.images.contents import Contents
from toolkit.images.installed import Distribution
from toolkit.images.listing import Built, Layer, listed
from toolkit.images.looking import Seen, looked_at
from toolkit.images.pruning import Judged, Pruned, prune

__all__ = [
    "Built",
    "Contents",
    "Distribution",
    "Judged",
    "Layer",
    "Pruned",
    "Seen",
    "listed",
    "looked_at",
    "prune",
]
