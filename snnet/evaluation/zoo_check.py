"""Counts the zoo anew, and says where its table differs."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from snnet.network.counting import UncountedWarning
from snnet.network.timm_cost import timm_cost
from snnet.tables import derive
from snnet.tables.zoo import ZooModel

TOLERANCE = 0.02  # of the table's figure
ROUNDING = {"gmacs": 0.0051, "params_m": 0.0051}  # of two decimals


@dataclass(frozen=True)
class Check:
    """One architecture at one image size (px): the table's (GMACs, parameters in 10⁶), and ours.

    `ours` is None where the model can't be counted, and `reason` says why; or names what no rule counts.
    """

    architecture: str
    image_size: int
    table: tuple[float, float]
    ours: tuple[float, float] | None
    reason: str = ""

    @property
    def is_off(self) -> bool:
        """True where the table's figure is off by more than 2 % and more than its rounding."""
        if self.ours is None:
            return True
        pairs = zip(self.table, self.ours, ROUNDING.values(), strict=True)
        return any(abs(a - b) > max(TOLERANCE * a, rounding) for a, b, rounding in pairs)

    def describe(self) -> str:
        """Return a line for a person."""
        line = f"{self.architecture} @ {self.image_size} px: table {self.table[0]} GMACs, {self.table[1]} M; "
        if self.ours is None:
            return line + self.reason
        share = 100 * (self.ours[0] / self.table[0] - 1)
        note = self.reason and f"; {self.reason}"
        return line + f"counted {self.ours[0]:.4f} GMACs ({share:+.1f} %), {self.ours[1]:.3f} M{note}"


def check(models: Sequence[ZooModel]) -> Iterator[Check]:
    """Count each architecture and size of these models once, in the form that the table's figures are of."""
    by_size = {(model.architecture, model.image_size): model for model in models}
    for (architecture, image_size), model in by_size.items():
        table = (model.gmacs, model.params_m)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UncountedWarning)
            try:
                cost = timm_cost(architecture, image_size, is_fused=derive.is_fused(architecture))
            except ValueError as error:
                yield Check(architecture, image_size, table, None, str(error))
                continue
        uncounted = "; ".join(str(one.message) for one in caught if one.category is UncountedWarning)
        yield Check(architecture, image_size, table, (cost.gmacs, cost.params_m), uncounted)
