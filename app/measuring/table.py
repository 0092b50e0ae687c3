"""The store as a table: what it, the project and the authors say of stitches, a row a figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.evaluation.accuracy import Accuracy
    from snnet.evaluation.results import Result
    from snnet.evaluation.store import Store

MOST = 2000  # of other networks' results: each has bootstraps of some milliseconds, and a row of the page
SHORT = 10  # characters of a route's hash in the table; a download has it whole


class Table:
    """The figures of a store beside those that are shipped and published; works out costly ones once."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._routes: WeakKeyDictionary[StitchedNetwork, dict[str, str]] = WeakKeyDictionary()
        self._shares: dict[tuple[Any, ...], dict[str, Any]] = {}

    def rows(
        self, net: "StitchedNetwork", along: "Sequence[Result]", everything: bool = False
    ) -> list[dict[str, Any]]:
        """Return what the store, the app and the network's authors know; `along` came with the network.

        Of the network's stitches as they are now, or of every network. "top1" and "top5" are {"share" in
        percent, "interval", "right"}, None where not known; "from" tells where the row is from.
        """
        from snnet.evaluation import accuracy, results

        stitches = self._by_route(net)
        places: dict[str, tuple[str, Sequence[Result]]] = {  # one's own first, and none twice
            "own": ("this machine's store", self._own(stitches, everything)),
            "along": ("came with the network", along),
            "shipped": ("shipped with the app", results.shipped()),
        }
        rows, keys = [], set()
        for where, (words, figures) in places.items():
            for result in figures:
                here = stitches.get((result.route, result.transform), [])
                if result.key in keys or not (here or everything):
                    continue
                if here and result.classes != net.label_set.digest:  # its outputs were read as others' then
                    continue
                keys.add(result.key)
                for name in here or [result.stitch]:
                    row = {"network": net.name if here else result.network, "stitch": name, "where": where}
                    rows.append(row | self._measured(result) | {"from": words})
        for stitch in net.stitches:
            if figure := accuracy.published(net, stitch):
                rows.append(_published(net.name, stitch.name, figure))
        order = {stitch.name: number for number, stitch in enumerate(net.stitches)}
        rows.sort(key=lambda row: (row["network"] != net.name, row["network"], order.get(row["stitch"], 0)))
        return rows

    def _own(self, stitches: dict[tuple[str, str], list[str]], everything: bool) -> "list[Result]":
        """Return the store's results of these stitches and, with everything, the newest of all others."""
        own = self._store.results(route for route, _ in stitches)
        return own + self._store.newest(MOST) if everything else own

    def _by_route(self, net: "StitchedNetwork") -> dict[tuple[str, str], list[str]]:
        from snnet.evaluation import provenance

        if net not in self._routes:  # hashes every tensor: seconds for the largest networks
            self._routes[net] = provenance.routes(net)
        names: dict[tuple[str, str], list[str]] = {}
        for stitch in net.stitches:
            key = (self._routes[net][stitch.name], net.transform(stitch).key)
            names.setdefault(key, []).append(stitch.name)
        return names

    def _measured(self, result: "Result") -> dict[str, Any]:
        key = (*result.key, result.total, result.top1, result.top5)
        if key not in self._shares:  # a bootstrap each: some milliseconds
            from snnet.evaluation import intervals

            self._shares[key] = {
                f"top{top}": _share(right, result.total, intervals.interval(result, top))
                for top, right in zip(intervals.TOPS, (result.top1, result.top5), strict=True)
            }
        return self._shares[key] | {
            "total": result.total,
            "classes": len(result.per_class),
            "precision": result.precision,
            "photos": result.photos_about,
            "when": result.measured_on,
            "route": result.route,
            "short": result.route[:SHORT],
            "set": result.photos,
            "transform": result.transform,
        }


def _share(right: int, total: int, interval: tuple[float, float]) -> dict[str, Any]:
    return {"share": 100 * right / total, "interval": list(interval), "right": right}


def _published(network: str, stitch: str, figure: "Accuracy") -> dict[str, Any]:
    return dict.fromkeys(("precision", "when", "route", "short", "set", "transform"), "") | {
        "network": network,
        "stitch": stitch,
        "where": "published",
        "top1": {"share": figure.top1, "interval": list(figure.interval), "right": None},
        **dict.fromkeys(("top5", "total", "classes")),
        "photos": "ImageNet-1k's 50,000 validation photos",
        "from": f"published: {figure.note}",
    }
