"""The choice of a stitch by a budget: the most accurate that it pays for, as far as accuracies are known."""

import warnings
from collections.abc import Mapping

from snnet import frontier
from snnet.evaluation.accuracy import Accuracy
from snnet.frontier import Budget
from snnet.network.priced import Priced
from snnet.stitches.stitch import Stitch


class UnmeasuredWarning(UserWarning):
    """A stitch was chosen by its cost alone, because no accuracy is known."""


class Choice(Priced):
    """Stitches of which costs and `accuracies`, by name, are known, so that a budget buys one."""

    accuracies: Mapping[str, Accuracy]

    def accuracy(self, stitch: Stitch) -> Accuracy | None:
        """Return what is known of a stitch's top-1, and where from; None if nothing has measured it."""
        self.check(stitch)
        return self.accuracies.get(stitch.name)

    def select(
        self, *, gmacs: Budget | None = None, params_m: Budget | None = None, silent: bool = False
    ) -> Stitch:
        """Return the most accurate stitch within a budget of GMACs, or of parameters in millions.

        A budget is a number of any kind, or a text of one, with a point or a comma. Above the largest stitch,
        the best one. While no stitch within the budget has a known accuracy, the
        costliest of them: an `UnmeasuredWarning` says so, unless `silent`, and `accuracy(stitch)` is None.

        Raises ValueError if the budget is below the smallest stitch, negative or not a number (the text
        names the smallest), or beyond a hundred times the largest, as when another unit was meant; TypeError
        unless exactly one budget is given.
        """
        if (gmacs is None) == (params_m is None):
            raise TypeError("select takes one budget: gmacs= or params_m=")
        costs = [self.cost(stitch) for stitch in self.stitches]
        values = [top1.top1 if (top1 := self.accuracy(s)) else None for s in self.stitches]
        if gmacs is not None:
            best = frontier.best_within([cost.gmacs for cost in costs], values, gmacs, unit="GMACs")
        else:
            assert params_m is not None
            millions = [cost.params_m for cost in costs]
            best = frontier.best_within(millions, values, params_m, unit="M parameters")
        stitch = self.stitches[best]
        if self.accuracy(stitch) is None and not silent:
            warnings.warn(
                f"{self.name}: no stitch within this budget has been measured, so this is the costliest, "
                f"{stitch.name}; measure with: python -m snnet evaluate NETWORK --data PHOTOS",
                UnmeasuredWarning,
                stacklevel=2,
            )
        return stitch
