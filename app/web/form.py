"""An upload's form: one photo, written to disk as it comes."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from .refusal import Refusal
from .uploads import Upload, Uploads

PARTS = 8  # of a form: the photo, and what a client may add
FIELD = "files"  # as Gradio's clients call it
ONE = "Send one photo at a time."


async def take(content_type: str, body: AsyncIterator[bytes], uploads: Uploads) -> str:
    """Return the path of the one photo in a form; Refusal for any other form, of which nothing stays."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise Refusal(400, "The form has no boundary.")
    with ExitStack() as stack:
        form = _Form(boundary, uploads, stack)
        async for piece in body:
            for upload, data in form.feed(piece):
                await anyio.to_thread.run_sync(upload.write, data)
        if form.upload is None or not form.is_whole:
            raise Refusal(400, "No photo was uploaded: send an image file.")
        path = form.upload.path
    return path


class _Form:
    def __init__(self, boundary: bytes, uploads: Uploads, stack: ExitStack) -> None:
        self.upload: Upload | None = None
        self.is_whole = False
        self._uploads, self._stack = uploads, stack
        self._parts = 0
        self._field = self._value = self._disposition = b""
        self._is_photo = False  # the part that is being read
        self._data: list[tuple[Upload, bytes]] = []
        names = ["part_begin", "part_data", "end"]
        names += ["header_field", "header_value", "header_end", "headers_finished"]
        callbacks: dict[str, Any] = {f"on_{name}": getattr(self, f"_{name}") for name in names}
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError:
            raise Refusal(400, "The form's boundary is too long.") from None

    def feed(self, piece: bytes) -> list[tuple[Upload, bytes]]:
        """Return what of the photo is in the next piece."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise Refusal(400, "The form can't be read: send an image file.") from None
        data, self._data = self._data, []
        return data

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS:
            raise Refusal(400, ONE)
        self._field = self._value = self._disposition = b""
        self._is_photo = False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._is_photo = b"filename" in options
        if not self._is_photo:
            return
        if self.upload is not None or options.get(b"name") != FIELD.encode():
            raise Refusal(400, ONE)
        name = options[b"filename"].decode("utf-8", "replace")
        self.upload = self._stack.enter_context(self._uploads.writing(name))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_photo and self.upload is not None:
            self._data.append((self.upload, data[start:end]))

    def _end(self) -> None:
        self.is_whole = True
