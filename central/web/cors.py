"""Which other sites' pages may call the API. Never with cookies: the API takes bearer tokens."""

from __future__ import annotations

from flask import Flask, Response, request

from central.settings import Settings


def register(app: Flask, settings: Settings) -> None:
    """Answer browsers' questions below ``/api/`` as ``CORS_ORIGINS`` says; ``[]`` is any."""

    def allow(response: Response) -> Response:
        origin = request.headers.get("Origin")
        if origin is None or not request.path.startswith("/api/"):
            return response
        if settings.cors_origins:
            response.vary.add("Origin")
            if origin not in settings.cors_origins:
                return response
        response.headers["Access-Control-Allow-Origin"] = origin if settings.cors_origins else "*"
        response.headers["Access-Control-Expose-Headers"] = "X-Request-ID, Retry-After, ETag"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Max-Age"] = "600"
        return response

    app.after_request(allow)
