"""The peer of bench/collection.py: Scrapy reads the same lists and pages, and writes its items to SQLite.

Its settings are ours: robots.txt obeyed, 32 requests at a time, 2 a host, no delay. It commits 100 items at a
time, which is less than what we promise, and keeps neither state nor proofs.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response

TOGETHER = 100
"""Items of one commit."""

_ENTRY = re.compile(r'href="(/p/\d+)"')


class SqlitePipeline:
    """Writes items to SQLite."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE item (url TEXT PRIMARY KEY, sha256 TEXT, headers TEXT, body BLOB)")
        self._waiting = 0

    @classmethod
    def from_crawler(cls, crawler: Any) -> SqlitePipeline:
        """Return one for a crawler, as Scrapy makes them."""
        return cls(crawler.settings["DATABASE"])

    def process_item(self, item: dict[str, Any]) -> dict[str, Any]:
        """Write an item."""
        self._database.execute("INSERT INTO item VALUES (:url, :sha256, :headers, :body)", item)
        self._waiting += 1
        if self._waiting >= TOGETHER:
            self._database.commit()
            self._waiting = 0
        return item

    def close_spider(self) -> None:
        """Commit what is left."""
        self._database.commit()
        self._database.close()


class Lists(scrapy.Spider):
    """Reads lists and the pages that they name."""

    name = "lists"

    def parse(self, response: Response) -> Iterator[Any]:
        """Follow a list's entries."""
        for path in _ENTRY.findall(response.text):
            yield response.follow(path, callback=self.page)

    def page(self, response: Response) -> dict[str, Any]:
        """Return a page as an item."""
        digest = hashlib.sha256(response.body).hexdigest()
        return {"url": response.url, "sha256": digest, "headers": str(response.headers), "body": response.body}


def main() -> None:
    """Crawl the lists that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("lists", nargs="+")
    arguments = parser.parse_args()
    process = CrawlerProcess(
        {
            "ROBOTSTXT_OBEY": True,
            "CONCURRENT_REQUESTS": 32,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
            "DOWNLOAD_DELAY": 0,
            "LOG_LEVEL": "ERROR",
            "TELNETCONSOLE_ENABLED": False,
            "DATABASE": arguments.database,
            "ITEM_PIPELINES": {SqlitePipeline: 1},
        }
    )
    process.crawl(Lists, start_urls=arguments.lists)
    process.start()


if __name__ == "__main__":
    main()
