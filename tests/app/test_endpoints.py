"""The four endpoints as `gradio_client` and plain HTTP see them."""

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def post(url, name, *data):
    request = urllib.request.Request(
        f"{url}gradio_api/run/{name}",
        json.dumps({"data": data}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_these_four_are_what_is_offered(client):
    offered = client.view_api(return_format="dict")["named_endpoints"]
    assert set(offered) == {"/classify", "/sweep", "/frontier", "/networks"}


def test_classify_by_place_and_by_name(client, lion):
    answer = client.predict(handle_file(str(lion)), 0.9, api_name="/classify")
    assert answer["top5"][0]["label"] == "lion"
    named = client.predict(image=handle_file(str(lion)), gmacs=0.9, api_name="/classify")
    assert named["stitch"] == answer["stitch"]


def test_sweep_frontier_and_networks(client, lion, service):
    rows = client.predict(image=handle_file(str(lion)), api_name="/sweep")
    assert [row["stitch"] for row in rows] == [stitch.name for stitch in service.net.stitches]
    assert client.predict(api_name="/frontier") == json.loads(json.dumps(service.frontier()))
    assert client.predict(api_name="/networks")[0]["name"] == "lite"


@pytest.mark.parametrize("budget", [0.1, -1, None, "abc", [1], {"a": 1}])
def test_a_bad_budget_is_one_sentence(client, url, lion, budget):
    with pytest.raises(AppError, match="smallest stitch") as error:
        client.predict(handle_file(str(lion)), budget, api_name="/classify")
    assert "Traceback" not in str(error.value)


def test_nan_over_plain_http_is_one_sentence(url, client, lion):
    path = uploaded(url, lion)
    status, answer = post(url, "classify", {"path": path, "meta": {"_type": "gradio.FileData"}}, float("nan"))
    assert status >= 400
    assert "the smallest stitch takes 0.294 GMACs" in answer["error"]


def uploaded(url, file):
    boundary = "x-boundary-x"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{file.name}"\r\n\r\n'
    body = head.encode() + file.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        f"{url}gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())[0]


def test_a_photo_that_is_none_is_one_sentence(client, tmp_path):
    for name, content in (("notes.jpg", b"to do: take photos"), ("empty.png", b"")):
        (tmp_path / name).write_bytes(content)
        for arguments, endpoint in (((0.6,), "/classify"), ((), "/sweep")):
            with pytest.raises(AppError, match=name):
                client.predict(handle_file(str(tmp_path / name)), *arguments, api_name=endpoint)


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_a_file_that_was_not_uploaded_is_not_read(url, lion, meta):
    for path in (str(lion), "/etc/hostname", "../app.py", "\0"):
        status, answer = post(url, "classify", {"path": path} | meta, 0.6)
        assert status >= 400
        assert "top5" not in json.dumps(answer)
    status, answer = post(url, "classify", str(lion), 0.6)
    assert status >= 400


def test_visitors_at_once_get_what_each_would_get_alone(client, lion):
    budgets = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]

    def ask(budget):
        answer = client.predict(handle_file(str(lion)), budget, api_name="/classify")
        return answer["stitch"], [row["index"] for row in answer["top5"]]

    alone = [ask(budget) for budget in budgets]
    with ThreadPoolExecutor(8) as visitors:
        assert list(visitors.map(ask, budgets * 2)) == alone * 2


def test_the_network_is_an_optional_last_argument(url, client, lion):
    path = {"path": uploaded(url, lion), "meta": {"_type": "gradio.FileData"}}
    short = post(url, "classify", path, 0.6)  # as before there was a choice
    named = post(url, "classify", path, 0.6, "lite")
    assert short[0] == named[0] == 200
    assert short[1]["data"][0]["stitch"] == named[1]["data"][0]["stitch"]
    assert client.predict("lite", api_name="/frontier")["network"] == "lite"
    assert [row["name"] for row in client.predict("deit", api_name="/networks")] == ["deit"]
    rows = client.predict(handle_file(str(lion)), network="lite", api_name="/sweep")
    assert rows[0]["stitch"]


@pytest.mark.parametrize("network", ["nonsense", "/etc", "..", 5, ["lite"]])
def test_another_networks_name_is_one_sentence(client, network):
    with pytest.raises(AppError, match=r"no network .* on this page: there are lite, deit"):
        client.predict(network, api_name="/frontier")


def test_a_network_that_is_not_here_is_one_sentence(client, lion, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(AppError, match=r"the weights of LeViT-192/256 are not here: fetch them"):
        client.predict(handle_file(str(lion)), 1.0, "levit", api_name="/classify")
