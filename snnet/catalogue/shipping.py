"""Makes the file of figures that ships: every network of the catalogue is built, with weights or without."""

import tempfile
from pathlib import Path

from snnet.catalogue import entries, families, figures, published
from snnet.catalogue.figures import Figures, figures_of
from snnet.evaluation import accuracy, provenance
from snnet.evaluation.store import Store


def files() -> dict[Path, bytes]:
    """Return the file's bytes, by its path; WeightsError where a network that ships can't be loaded."""
    return {figures.FILE: figures.as_text([make(entry) for entry in entries.entries()]).encode()}


def make(entry: entries.Entry) -> Figures:
    """Return a network's figures without results of the user; a published one's from its outline alone."""
    if entry.sources:
        net = published.outline(entry.name)
        net.reported = families.reported(net)
        net.accuracies = accuracy.accuracies(net, [])
        return figures_of(net, file_bytes=published.file_bytes(entry.name))
    net = entry.build()
    with tempfile.TemporaryDirectory() as folder:
        net.attach(Store(Path(folder) / "none.sqlite"), entry.along())
    return figures_of(net, provenance.routes(net))
