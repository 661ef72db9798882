"""PyMISP with a transport of ours: one origin, no redirects, verified TLS, answers bounded in time and size.

PyMISP knows the addresses and forms of MISP's API. Its own transport follows redirects with the key, takes roots and
logins from the environment, reads answers of any size, logs what was sent where a server fails, and returns refusals
as if they were answers. Here every refusal is an error, and none of them, nor a log, holds the key or what was sent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import requests
import urllib3
from pymisp import MISPRole, MISPUser, PyMISP, PyMISPError
from pymisp.abstract import AbstractMISP, describe_types

from vedette.clock import Clock
from vedette.errors import ConnectionFailedError, VedetteError
from vedette.fetching.authorization import without_key
from vedette.sharing.endpoint import MAX_EXCERPT, Endpoint, failure_of_status
from vedette.sharing.exporter import ExportError
from vedette.sharing.misp.holding import one_line
from vedette.sharing.misp.refusal import MispRefusalError

MAX_ANSWER: Final = 512 * 1024 * 1024
"""Bytes of an answer: an event comes whole, its attachments in base64."""

MAX_BUSY: Final = 24 * 3600.0
"""Seconds that a server is left alone at most, whatever it says."""

MAX_WELCOME: Final = 4 * 1024 * 1024
"""Bytes of an answer before the server has said who it is, and who we are."""

_PIECE: Final = 256 * 1024


class MispSession(PyMISP):
    """One server and one key; its requests are made one after the other, whichever thread they come from."""

    def __init__(self, endpoint: Endpoint, *, clock: Clock) -> None:
        """Ask the server for its version and for who we are, as PyMISP does.

        Raises:
            ConnectionFailedError: it does not answer, is not trusted, is no MISP, or refuses the key.
            ComeAgainError: it is busy.
        """
        self._endpoint = endpoint
        self._clock = clock
        self._root = f"{str(endpoint.target.url).rstrip('/')}/"
        self._turn = threading.Lock()
        self._pool = (
            urllib3.PoolManager(num_pools=1, maxsize=1, retries=False)
            if endpoint.tls is None
            else urllib3.PoolManager(num_pools=1, maxsize=1, retries=False, ssl_context=endpoint.tls)
        )
        self.requests: list[str] = []
        """Method and path of what was asked."""
        self.owner: Mapping[str, Any] = {}
        """Whose the key is: `User`, `Role` and `Organisation` as the server has them."""
        try:
            super().__init__(self._root, endpoint.key, tool="vedette")
        except PyMISPError as error:
            # Its constructor wraps whatever went wrong, ours too.
            cause = error.__context__
            if isinstance(cause, MispRefusalError):
                raise ConnectionFailedError(f"{cause}; check what key_file holds, and that url is a MISP's") from None
            if isinstance(cause, VedetteError):
                raise cause from None
            message = f"{endpoint.shown}: {self._without_key(str(error))}"
            raise ConnectionFailedError(message) from None

    def get_user(self, user: Any = "me", pythonify: bool = False, expanded: bool = False) -> Any:
        """Return a user; whose the key is is kept, for PyMISP drops the organisation that the server tells."""
        answer = super().get_user(user)
        if not isinstance(answer, dict) or "User" not in answer or "Role" not in answer:
            raise ConnectionFailedError(f"{self._endpoint.shown}: does not say whose the key is: is url a MISP's?")
        self.owner = answer
        return (MISPUser(**answer), MISPRole(**answer), []) if pythonify and expanded else answer

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    @property
    def describe_types_remote(self) -> Any:
        """The types as PyMISP has them: nothing here needs the server's, which are 100 KB at each start."""
        return describe_types

    def _prepare_request(
        self,
        request_type: str,
        url: str,
        data: Iterable[Any] | Mapping[str, Any] | AbstractMISP | bytes | None = None,
        params: Mapping[str, Any] | None = None,
        kw_params: Mapping[str, Any] | None = None,
        output_type: str = "json",
        content_type: str = "json",
    ) -> requests.Response:
        """Ask, and return the answer, read whole."""
        del params, output_type, content_type
        named = "".join(f"/{name}:{value}" for name, value in (kw_params or {}).items())
        path = f"{url.removeprefix(self._root).lstrip('/')}{named}"
        headers = {
            "Authorization": self._endpoint.key,
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "vedette",
        }
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if value is not None}
        body = None if data is None else orjson.dumps(data)
        with self._turn:
            self.requests.append(f"{request_type} {path}")
            try:
                return self._ask(request_type, f"{self._root}{path}", headers, body)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                reason = self._without_key(one_line(str(error), most=MAX_EXCERPT))
                raise ConnectionFailedError(f"{self._endpoint.shown}: {reason}") from None

    def _ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> requests.Response:
        seconds = self._endpoint.seconds
        deadline = self._clock.monotonic() + seconds
        most = MAX_ANSWER if self.owner else MAX_WELCOME
        answer = self._pool.request(
            method,
            target,
            body=body,
            headers=dict(headers),
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=urllib3.Timeout(total=seconds),
        )
        try:
            content = bytearray()
            # One piece as it comes: a server that drips bytes cannot hold us past the limit.
            while piece := answer.read1(_PIECE):
                content += piece
                if len(content) > most:
                    raise ExportError(f"{self._endpoint.shown}: the answer has more than {most} bytes")
                if self._clock.monotonic() > deadline:
                    raise ConnectionFailedError(f"{self._endpoint.shown}: no whole answer within {seconds:g} s")
        except BaseException:
            answer.close()
            raise
        answer.release_conn()
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response._content = bytes(content)
        return response

    def _check_json_response(self, response: requests.Response) -> dict[str, Any] | list[dict[str, Any]]:
        """Return what was answered.

        Raises:
            ComeAgainError: the server is busy.
            ConnectionFailedError: it failed, or refuses the key.
            MispRefusalError: it refuses.
        """
        if response.status_code != 200:
            raise self._failure(response)
        try:
            answer = orjson.loads(response.content)
        except orjson.JSONDecodeError as error:
            raise ConnectionFailedError(f"{self._endpoint.shown}: the answer is no JSON: is url a MISP's?") from error
        if isinstance(answer, dict) and answer.get("response") is not None:
            answer = answer["response"]
        if not isinstance(answer, dict | list):
            raise ConnectionFailedError(f"{self._endpoint.shown}: the answer is no JSON of a MISP")
        return answer

    def _failure(self, response: requests.Response) -> VedetteError:
        status = response.status_code
        message = f"{self._endpoint.shown}: HTTP {status}: {self._said(response.content)}"
        if 300 <= status < 400:
            return ExportError(f"{self._endpoint.shown}: redirects elsewhere: give the final address as url")
        if status in {401, 408, 429} or status >= 500:
            return failure_of_status(status, message, retry_after=_seconds(response.headers))
        return MispRefusalError(message, status=status)

    def _said(self, content: bytes) -> str:
        """Return what a refusal says, short, in one line, without the key."""
        try:
            answer = orjson.loads(content)
        except orjson.JSONDecodeError:
            return self._without_key(one_line(content[:MAX_EXCERPT].decode(errors="replace")))
        if not isinstance(answer, dict):
            return self._without_key(one_line(str(answer)))
        words = [str(answer[name]) for name in ("message", "errors") if answer.get(name)]
        return self._without_key(one_line("; ".join(words) or str(answer), most=MAX_EXCERPT))

    def _without_key(self, text: str) -> str:
        return without_key(text, self._endpoint.key)


def _seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long a busy server wants to be left alone (MISP: app/Controller/Component/RateLimitComponent)."""
    for name in ("X-Rate-Limit-Reset", "Retry-After"):
        text = headers.get(name, "")
        if text.isascii() and text.isdigit():
            return min(max(1.0, float(text)), MAX_BUSY)
    return None
