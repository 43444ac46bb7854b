"""Files that people uploaded, served so that a browser can do nothing with them but keep them."""

from __future__ import annotations

from io import BytesIO

from flask import Response, send_file

# Whatever hides in the file: no script, no frame, no request, not even in its own window.
_SHUT = "default-src 'none'; sandbox"


def private_file(content: bytes, kind: str, name: str) -> Response:
    """An attachment of this media type; never shown by the browser, never kept by a cache."""
    response = send_file(
        BytesIO(content), mimetype=kind, as_attachment=True, download_name=name, max_age=0
    )
    return _shut(response)


def private_image(content: bytes, kind: str) -> Response:
    """A picture for a page of ours; never kept by a cache."""
    return _shut(send_file(BytesIO(content), mimetype=kind, max_age=0))


def _shut(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _SHUT
    response.headers["Cache-Control"] = "no-store"
    return response
