"""`MASTODON`: posts of a hashtag or an account, from a server's public API, or with its token."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urlsplit

from vedette.canonical import parse_json
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.timeline import PostPage, Timeline, Walk
from vedette.errors import RefusedError

PAGE = 40
"""Posts of a page: the most that servers give."""

_TAG = re.compile(r"/tags/([^/?#]{1,200})")
_ACCOUNT = re.compile(r"/@([A-Za-z0-9_.-]{1,100}(?:@[A-Za-z0-9.-]{1,253})?)")
_ACCOUNT_MARK = "account"


class Mastodon(Timeline):
    """Reads a timeline."""

    summary = "Posts of a Mastodon hashtag (https://HOST/tags/TAG) or account (https://HOST/@USER)"

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the address."""
        try:
            where = urlsplit(source.source_uri)
        except ValueError:
            return "source-URI: is no URL"
        named = _TAG.fullmatch(where.path) or _ACCOUNT.fullmatch(where.path)
        if where.scheme not in ("http", "https") or not where.hostname or not named:
            return "source-URI: must be https://HOST/tags/TAG or https://HOST/@USER"
        return None

    async def address(self, desk: Desk, headers: dict[str, str]) -> str:
        """Return the timeline's URL; an account's number is asked for once."""
        where = urlsplit(desk.source.source_uri)
        base = f"{where.scheme}://{where.netloc}/api/v1"
        tag = _TAG.fullmatch(where.path)
        if tag is not None:
            return f"{base}/timelines/tag/{quote(tag[1], safe='%')}"
        account = await desk.mark(_ACCOUNT_MARK)
        if not account:
            account = await self._account(desk, f"{base}/accounts/lookup", where.path.removeprefix("/@"), headers)
        return f"{base}/accounts/{account}/statuses" if account else ""

    async def _account(self, desk: Desk, lookup: str, name: str, headers: dict[str, str]) -> str:
        look = await desk.look(f"{lookup}?{urlencode({'acct': name})}", is_list=True, headers=headers)
        if look.fetched is None:
            desk.report.complete = False
            return ""
        try:
            value = parse_json(look.fetched.body)
        except RefusedError:
            value = None
        found = str(value.get("id", "")) if isinstance(value, dict) else ""
        if not (found.isascii() and found.isalnum()):
            desk.report.fail(f"{look.fetched.url}: names no account")
            desk.report.complete = False
            return ""
        await desk.commit((), marks={_ACCOUNT_MARK: found})
        return found

    def page_url(self, desk: Desk, address: str, walk: Walk) -> str:
        """Return the URL of a page."""
        query = {"limit": str(PAGE), "since_id": walk.since, "max_id": walk.following}
        return f"{address}?{urlencode({name: value for name, value in query.items() if value})}"

    def read_page(self, body: bytes) -> PostPage:
        """Return what is on a page; only an empty one is the last, as servers leave posts out.

        Raises:
            RefusedError: it is no list of posts.
        """
        value = parse_json(body)
        if not isinstance(value, list) or not all(isinstance(one, dict) and one.get("id") for one in value):
            raise RefusedError("json", "is no timeline of Mastodon's API")
        if not value:
            return PostPage(posts=0)
        return PostPage(posts=len(value), newest=str(value[0]["id"]), following=str(value[-1]["id"]))
