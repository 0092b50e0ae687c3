"""Proxies of the environment: not asked for this machine, named where they can't be used."""

import os
import sys

import pytest

from snnet.weights import proxies


@pytest.fixture
def environment(monkeypatch):
    for name in [name for name in os.environ if name.lower() in proxies.VARIABLES]:
        monkeypatch.delenv(name)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    return monkeypatch


def test_a_proxy_isnt_asked_for_this_machine(environment):
    import httpx

    environment.setenv("http_proxy", "http://127.0.0.1:9")
    environment.setenv("NO_PROXY", "example.org")
    proxies.spare_this_machine(["192.0.2.7", ""])
    proxies.spare_this_machine()
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"]
    assert os.environ["NO_PROXY"] == "example.org,localhost,127.0.0.1,::1,192.0.2.7"
    with httpx.Client() as client:
        direct = client._transport_for_url(httpx.URL("http://localhost:7860"))
        assert client._transport_for_url(httpx.URL("http://[::1]:7860")) is direct
        assert client._transport_for_url(httpx.URL("http://192.0.2.7:7860")) is direct
        assert client._transport_for_url(httpx.URL("http://elsewhere.org")) is not direct


@pytest.mark.parametrize("address", ["socks://127.0.0.1:9", "gopher://x"])
def test_a_proxy_that_cant_be_used_is_named_where_it_is_needed(environment, address):
    from snnet.weights.transfer import Failure, http_client

    assert proxies.trouble() == ""
    environment.setenv("ALL_PROXY", address)
    with proxies.without_strange_ones():
        assert "ALL_PROXY" not in os.environ
    assert os.environ["ALL_PROXY"] == address
    with pytest.raises(Failure, match=r"ALL_PROXY can't be used .* http://host:port"):
        http_client()
    environment.setenv("ALL_PROXY", "http://127.0.0.1:9")
    http_client().close()  # what it says helps


def test_a_socks_proxy_needs_a_package(environment):
    environment.setitem(sys.modules, "socksio", None)
    environment.setenv("all_proxy", "socks5://127.0.0.1:9")
    assert proxies.trouble() == ("all_proxy: a SOCKS proxy needs the package socksio (pip install socksio)")
