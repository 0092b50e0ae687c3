"""Stitches with their costs: finding one by name, printing costs as budgets, what all cost together."""

from collections.abc import Mapping
from functools import cached_property

from snnet.frontier import Cost, Ladder
from snnet.stitches.stitch import Stitch


class Priced:
    """What follows from a network's `name`, its `stitches` and the cost of each, whatever else it is."""

    name: str
    stitches: tuple[Stitch, ...]
    _costs: Mapping[str, Cost]  # by the stitch's name

    @cached_property
    def _by_name(self) -> dict[str, Stitch]:
        return {stitch.name: stitch for stitch in self.stitches}

    def stitch(self, name: str) -> Stitch:
        """Return the stitch of this name; ValueError if there is none."""
        if name not in self._by_name:
            raise ValueError(f"{self.name} has no stitch {name!r}; its first is {self.stitches[0].name!r}")
        return self._by_name[name]

    def check(self, stitch: Stitch) -> None:
        """Raise ValueError unless the stitch is one of this network's."""
        if self._by_name.get(stitch.name) != stitch:
            raise ValueError(f"{self.name} has no stitch {stitch.name!r}: take one of net.stitches")

    def cost(self, stitch: Stitch) -> Cost:
        """Return the multiply-accumulates (10⁹, an image) and parameters (10⁶) of a stitch."""
        self.check(stitch)
        return self._costs[stitch.name]

    def printed(self, stitch: Stitch, digits: int = 3) -> tuple[str, str]:
        """Return a stitch's GMACs and parameters in millions as they are printed.

        Rounded up, GMACs to `digits` decimals and parameters to one less, and to more where another stitch
        would fit between: either figure as a budget pays for this stitch and none that costs more.
        """
        cost, (gmacs, params) = self.cost(stitch), self._ladders
        return gmacs.figure(cost.gmacs, digits), params.figure(cost.params_m, digits - 1)

    @cached_property
    def _ladders(self) -> tuple[Ladder, Ladder]:
        costs = self._costs.values()
        return Ladder(cost.gmacs for cost in costs), Ladder(cost.params_m for cost in costs)

    def printed_range(self) -> tuple[str, str]:
        """Return the lowest and the highest GMACs of its stitches as they are printed."""
        low, high = self._ladders[0].range()
        return low, high

    @property
    def ways(self) -> int:
        """How many different networks the weights hold, image sizes apart."""
        return len({(stitch.legs, stitch.layers) for stitch in self.stitches})

    @property
    def apart_params_m(self) -> float:
        """Parameters of all the ways kept as networks of their own, in millions."""
        return sum({(s.legs, s.layers): self.cost(s).params_m for s in self.stitches}.values())
