"""Requests as nobody's browser sends them."""

import http.client
import json
from urllib.parse import urlsplit


def ask(url, method, path, body=None, headers=()):
    """Return (status, body, fields) of a request, its path sent as it is; (0, b"", {}) of one cut off."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.putrequest(method, path, skip_host="Host" in dict(headers), skip_accept_encoding=True)
        fields = dict(headers)
        if body is not None and "Transfer-Encoding" not in fields:
            fields.setdefault("Content-Length", str(len(body)))
        for name, value in fields.items():
            connection.putheader(name, value)
        connection.endheaders()
        if body is not None:
            connection.send(body)
        answer = connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    except (ConnectionError, http.client.HTTPException):
        return 0, b"", {}
    finally:
        connection.close()


def post(url, path, content, **fields):
    """Return (status, body, fields) of a question in JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ask(url, "POST", path, body, {"Content-Type": "application/json"} | fields)


def form(*parts, boundary="x-boundary-x"):
    """Return (body, fields) of a form, given each part's disposition and content."""
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"
        for disposition, content in parts
    )
    return body + f"--{boundary}--\r\n".encode(), {
        "Content-Type": f"multipart/form-data; boundary={boundary}"
    }


def photo_form(content, name="photo.jpg"):
    """Return (body, fields) of an upload as the page sends it."""
    return form((f'name="files"; filename="{name}"', content))


def upload(url, content, name="photo.jpg"):
    """Return the path that an upload was given."""
    status, body, _ = ask(url, "POST", "/gradio_api/upload", *photo_form(content, name))
    assert status == 200, body
    (path,) = json.loads(body)
    return path
