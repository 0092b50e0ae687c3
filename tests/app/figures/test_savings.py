"""What one file saves, in words and as sums."""

import pytest

from app.figures import savings
from snnet.catalogue.figures import figures_of
from snnet.tables import published_results


def test_ownership_is_arithmetic(service):
    said = savings.ownership(figures_of(service.net))
    assert said["network"].startswith(f"{service.net.ways} networks in 18.2 M parameters (73 MB); apart")
    assert "71 networks in 118.4 M parameters; apart they would take 2,630 M, 22 times" in said["published"]


class TestArithmetic:
    def sums(self, rows, title):
        (found,) = [row for row in rows if title in row["title"]]
        return found["sums"]

    def test_the_published_deit_saves_22_times_of_both(self, service):
        disk, training = self.sums(savings.arithmetic(figures_of(service.net)), "published DeiT")
        deit = published_results.curves()["deit"]
        assert disk["factor"] == pytest.approx(sum(s.params_m for s in deit.stitches) / 118.40)
        assert disk["times"] == "2,630.3 / 118.4 = 22.2 times"
        assert (disk["apart"], disk["together"]) == ("2,630.3 M parameters", "118.4 M parameters")
        assert len(disk["terms"].split(" + ")) == 71
        assert training["terms"] == "71 × 300"
        assert training["apart"] == "21,300"
        assert training["together"] == "3 × 300 + 50 = 950"
        assert training["times"] == "21,300 / 950 = 22.4 times"
        assert training["factor"] == pytest.approx(21_300 / 950)

    def test_a_networks_own_sum_is_its_file_against_its_ways(self, service):
        net = service.net
        (disk,) = self.sums(savings.arithmetic(figures_of(net)), net.title)
        assert disk["factor"] == pytest.approx(net.apart_params_m / net.total_params_m)
        assert len(disk["terms"].split(" + ")) == net.ways

    def test_what_is_not_stated_is_said_to_be(self, service):
        own = savings.arithmetic(figures_of(service.net))[0]
        assert own["note"].startswith("Training is not reckoned")

    def test_the_published_network_itself_comes_once(self):
        from snnet.catalogue import published

        (only,) = savings.arithmetic(figures_of(published.outline("deit")))
        assert [row["times"].split(" = ")[1] for row in only["sums"]] == ["22.2 times", "22.4 times"]

    def test_another_published_network_has_both_sums_of_its_own(self):
        from snnet.catalogue import published

        own, deit = savings.arithmetic(figures_of(published.outline("levit")))
        assert own["sums"][1]["together"] == "2 × 1000 + 100 = 2,100"
        assert deit["title"] == "The published DeiT-Ti/S/B"
