"""The network of the public interface: one that runs, and that knows how accurate its stitches are.

It chooses by budget, and is saved and shared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from huggingface_hub import ModelHubMixin

from snnet.catalogue import families, saved
from snnet.catalogue.card import card
from snnet.evaluation import accuracy
from snnet.evaluation.accuracy import Accuracy
from snnet.evaluation.choice import Choice
from snnet.evaluation.choice import UnmeasuredWarning as UnmeasuredWarning
from snnet.evaluation.provenance import results_of
from snnet.evaluation.results import Result
from snnet.evaluation.store import Store
from snnet.network.anchor import checksum
from snnet.network.network import Network
from snnet.photos.transform import published_transforms
from snnet.stitches.stitch import Stitch
from snnet.tables.published_results import family_of


class StitchedNetwork(Choice, Network, ModelHubMixin):
    """A network that knows how accurate its stitches are.

    `accuracies` holds what is known of each stitch, by name; see `snnet.evaluation`. `reported` is what the
    authors of these very weights report of them. `save` writes a folder that `snnet.load` reads;
    `save_pretrained`, `push_to_hub` and `from_pretrained` are the hub's usual ones.
    """

    accuracies: Mapping[str, Accuracy] = MappingProxyType({})
    reported: Mapping[str, Accuracy] = MappingProxyType({})
    is_on_trust = False  # whether the authors' figures stand beside a file that a user says is theirs
    _seal: int | None = None  # of the tensors that `reported` is of

    def timm_name(self, stitch: Stitch) -> str | None:
        """Return timm's name of the model that a stitch is, unchanged, transform and all; else None."""
        if not stitch.is_anchor:
            return None
        anchor = self.anchors[stitch.anchors[0]]
        if anchor.recipe[1].keys() - {"num_classes", "img_size"}:  # another model of the same weights
            return None
        if self.transform(stitch) not in published_transforms(anchor.config):
            return None
        return anchor.weights

    def model_names(self) -> tuple[str, ...]:
        """Return timm's names of the weights that its anchors carry, or began with."""
        if self.published_as:  # made without weights, so that the models' own record names others
            return tuple(anchor.original for anchor in family_of(self.published_as).anchors)
        return tuple(
            anchor.weights or f"{anchor.architecture}.{anchor.config.get('tag') or ''}"
            for anchor in self.anchors
        )

    @property
    def classes(self) -> str:
        """What tells the classes that an answer is one of from others: see `LabelSet.digest`."""
        return self.label_set.digest

    def attach(self, store: Store | None = None, bundled: Sequence[Result] = ()) -> None:
        """Fill `accuracies` from published results, those that ship, those `bundled`, and the user's.

        What the authors report is dropped once a tensor has changed since it was first said.
        """
        self._check_reported()
        self.accuracies = accuracy.accuracies(self, results_of(self, store, bundled))

    def _check_reported(self) -> None:
        if self.reported:
            seal = checksum(self)
            if self._seal not in (None, seal):
                self.reported = {}
            self._seal = seal

    def trust(self, file: Path) -> None:
        """Say beside each figure of the authors that it holds if a user's file is theirs: its tensors fit."""
        self.is_on_trust = True
        self.reported = {
            name: replace(
                figure,
                note=f"{figure.note}; for {file.name} if it is the authors' file (its tensors fit)",
                photos=f"{figure.photos} (if {file.name} is their file)",
            )
            for name, figure in self.reported.items()
        }

    def save(self, folder: str | Path, *, light: bool = False) -> None:
        """Write the network to a folder: `config.json`, `model.safetensors`, its results and a model card.

        The folder is made if it is missing; what was there of another network is replaced. A `light` folder
        leaves the anchors to their pretrained originals and holds the rest as float16: ValueError unless the
        anchors are those.
        """
        self._check_reported()
        is_reported = bool(self.reported) and not self.is_on_trust
        plan = saved.plan_of(self, is_reported=is_reported, light=light)
        measured = list({result.key: result for _, result in results_of(self)}.values())
        if measured:
            self.attach()
        text = card(self, accuracy.table(self), accuracy.line(self))
        saved.write(Path(folder), plan, self, measured, text)

    @classmethod
    def from_folder(cls, folder: Path) -> "StitchedNetwork":
        """Return the network of a folder, in evaluation mode, with all that is known of its accuracy.

        Raises WeightsError naming the file that is missing, damaged or of another network.
        """
        net = saved.read(folder, cls)
        if saved.is_reported(saved.read_plan(folder / saved.CONFIG)):
            net.reported = families.reported(net)
        net.attach(bundled=saved.bundled_results(folder))
        return net

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        **_: Any,
    ) -> "StitchedNetwork":
        from huggingface_hub import snapshot_download

        place = Path(model_id)
        if not place.is_dir():
            place = Path(
                snapshot_download(
                    model_id,
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                    allow_patterns=[saved.CONFIG, saved.WEIGHTS, saved.RESULTS],
                )
            )
        return cls.from_folder(place)
