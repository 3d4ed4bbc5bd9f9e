"""A small OIDC provider on loopback that knows one client, for tests of tokens."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import unquote_plus


@dataclass
class Provider:
    """`answers`: what the next requests get, (status, body); after them the last one again. `asked`: their forms."""

    client: tuple[str, str]
    answers: list[tuple[int, Any]]
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, authorization: str, form: str) -> tuple[int, Any]:
        self.asked.append(form)
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote_plus(name), unquote_plus(secret)) != self.client:
            return 401, {"error": "invalid_client", "error_description": f"{name} is not {self.client}"}
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def identity_provider(client: tuple[str, str], *answers: tuple[int, Any]) -> Iterator[Provider]:
    """Running until the block ends; `url` is its token endpoint."""
    provider = Provider(client, list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, body = provider.answer(self.headers["Authorization"], form)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        provider.url = f"http://127.0.0.1:{server.server_port}/token"
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
