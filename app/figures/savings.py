"""What one file saves against its networks kept apart: in words, and as sums of disk and of training."""

from typing import Any

from snnet.catalogue.figures import Figures
from snnet.tables import published_results


def ownership(net: Figures) -> dict[str, str]:
    """Return what one file holds against its networks kept apart: this one's, and the published DeiT's."""
    size_mb = 4 * net.total_params_m  # float32
    deit = published_results.curves()["deit"]
    is_deit = net.published_as == deit.name
    assert deit.apart_params_m is not None

    def words(ways: int, together: float, apart: float, size: str = "") -> str:
        return (
            f"{ways} networks in {together:.1f} M parameters{size}; apart they would take {apart:,.0f} M, "
            f"{apart / together:.0f} times as much."
        )

    published = words(len(deit.stitches), deit.joint_params_m, deit.apart_params_m)
    return {
        "network": words(net.ways, net.total_params_m, net.apart_params_m, f" ({size_mb:.0f} MB)"),
        "published": "" if is_deit else f"The published {deit.title} network: {published}",
    }


def arithmetic(net: Figures) -> list[dict[str, Any]]:
    """Return how disk and training of one file compare with its networks kept apart, sum by sum.

    Of this network, and of the published DeiT network: {"title", "sums": [{"of", "terms" that
    make "apart", "together", "times" in words, "factor"}], "note" on what is not reckoned, or ""}.
    """
    published = published_results.curves()
    deit = published["deit"]
    curve = published.get(net.published_as or "")
    apart = list({(s.legs, s.layers): net.cost(s).params_m for s in net.stitches}.values())
    rows = [_sums(net.title, apart, net.total_params_m, len(net.anchor_names), curve)]
    if curve is not deit:
        params_m = [s.params_m for s in deit.stitches if s.params_m is not None]
        rows.append(
            _sums(f"The published {deit.title}", params_m, deit.joint_params_m, len(deit.anchors), deit)
        )
    return rows


def _sums(
    title: str, apart: list[float], together: float, anchors: int, curve: published_results.Family | None
) -> dict[str, Any]:
    disk = {
        "of": f"Disk, {len(apart)} networks",
        "terms": " + ".join(f"{millions:.1f}" for millions in apart),
        "apart": f"{sum(apart):,.1f} M parameters",
        "together": f"{together:,.1f} M parameters",
        **_times(sum(apart), together),
    }
    if curve is None or curve.anchor_epochs is None:
        note = "Training is not reckoned: its anchors' epochs are not stated, or not alike."
        return {"title": title, "sums": [disk], "note": note}
    epochs = curve.anchor_epochs
    singly, jointly = len(apart) * epochs, anchors * epochs + curve.epochs
    training = {
        "of": "Training, in epochs",
        "terms": f"{len(apart)} × {epochs}",
        "apart": f"{singly:,}",
        "together": f"{anchors} × {epochs} + {curve.epochs} = {jointly:,}",
        **_times(singly, jointly),
    }
    note = (
        f"{epochs} epochs are the anchors' own training, {curve.epochs} the joint training: their authors' "
        "settings. Parameters are those of the weights as stored."
    )
    return {"title": title, "sums": [disk, training], "note": note}


def _times(apart: float, together: float) -> dict[str, Any]:
    factor = apart / together
    digits = 1 if apart % 1 or together % 1 else 0
    return {
        "times": f"{apart:,.{digits}f} / {together:,.{digits}f} = {factor:.1f} times",
        "factor": factor,
    }
