"""`X`: posts by @user, #hashtag or keyword, through the recent search of the X API v2."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlencode, urlsplit

from vedette.canonical import parse_json
from vedette.clock import MICROSECONDS
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.timeline import PostPage, Timeline, Walk
from vedette.errors import RefusedError

ADDRESS = "https://api.x.com/2/tweets/search/recent"
"""Where posts of the last seven days are found."""

MAX_QUERY = 512
"""Characters of a query: what the API takes."""

PAGE = 100
"""Posts of a page: the most that the API gives."""

_USER = re.compile(r"@([A-Za-z0-9_]{1,15})")
_REACH = 6.9 * 86_400
_EPOCH = 1_288_834_974.657


class X(Timeline):
    """Searches posts."""

    summary = "Posts on X (@user, #hashtag or words) by the API v2's recent search, with its bearer token"

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the query or its token."""
        if source.api_key_file is None:
            return "api-key-file: is required: the file with the API's bearer token"
        if len(_parts(source.source_uri)[1]) > MAX_QUERY:
            return f"source-URI: a query has at most {MAX_QUERY} characters"
        return None

    async def address(self, desk: Desk, headers: dict[str, str]) -> str:
        """Return the search's URL."""
        return _parts(desk.source.source_uri)[0]

    def page_url(self, desk: Desk, address: str, walk: Walk) -> str:
        """Return the URL of a page; what the search does not reach back to is not asked for: it refuses that."""
        query = {
            "query": _parts(desk.source.source_uri)[1],
            "max_results": str(PAGE),
            "tweet.fields": "author_id,created_at,entities,lang,referenced_tweets",
            "expansions": "author_id",
            "user.fields": "username,name",
        }
        if walk.since and _age(walk.since, now=desk.clock.now()) < _REACH:
            query["since_id"] = walk.since
        if walk.following:
            query["next_token"] = walk.following
        return f"{address}?{urlencode(query)}"

    def read_page(self, body: bytes) -> PostPage:
        """Return what is on a page.

        Raises:
            RefusedError: it is no answer of the search.
        """
        value = parse_json(body)
        meta = value.get("meta") if isinstance(value, dict) else None
        if not isinstance(meta, dict):
            raise RefusedError("json", "is no answer of the X API's search")
        posts = value.get("data")
        return PostPage(
            posts=len(posts) if isinstance(posts, list) else 0,
            newest=str(meta.get("newest_id") or ""),
            following=str(meta.get("next_token") or ""),
        )


def _parts(uri: str) -> tuple[str, str]:
    """Return address and query: a URL's fragment is the query, anything else is one itself."""
    address, query = ADDRESS, uri
    if uri.startswith(("http://", "https://")):
        parts = urlsplit(uri)
        address, query = parts._replace(fragment="").geturl(), unquote(parts.fragment)
    user = _USER.fullmatch(query)
    return address, f"from:{user[1]}" if user is not None else query


def _age(identifier: str, *, now: int) -> float:
    """Return the seconds since a post: its identifier has its time in it."""
    if not (identifier.isascii() and identifier.isdigit()):
        return float("inf")
    return now / MICROSECONDS - ((int(identifier) >> 22) / 1_000 + _EPOCH)
