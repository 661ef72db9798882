"""The process that parses what strangers wrote: its memory is bounded, it can neither write nor start anything.

It reads frames from standard input and answers each on standard output; whoever started it ends it when it takes
too long. It is started with `python -m vedette.collection.worker`.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from vedette.collection import frames
from vedette.collection.charset import decode
from vedette.collection.content import Content, ProcessingLimits
from vedette.errors import VedetteError
from vedette.parent import end_with_parent

Answer = tuple[dict[str, Any], bytes]
"""What becomes a frame."""

_FILES = 64
_MAX_ERROR = 1_000


def process(question: dict[str, Any], data: bytes) -> Answer:
    """Run post-processors; the answer lists the parts, whose bytes follow each other."""
    from vedette.collection.processing import ProcessorCatalogue, run_chain

    catalogue = ProcessorCatalogue()
    steps = [catalogue.processor(name) for name in question["steps"]]
    content = Content(data=data, content_type=question["content_type"], charset=question["charset"])
    parts = run_chain(content, steps, ProcessingLimits(**question["limits"]))
    told = [
        {
            "size": len(part.data),
            "content_type": part.content_type,
            "charset": part.charset,
            "name": part.name,
            "facts": dict(part.facts),
        }
        for part in parts
    ]
    return {"parts": told}, b"".join(part.data for part in parts)


def feed(question: dict[str, Any], data: bytes) -> Answer:
    """Read a feed."""
    from vedette.collection.feeds import read_feed

    return read_feed(data, content_type=question["content_type"]), b""


def links(question: dict[str, Any], data: bytes) -> Answer:
    """Find addresses; one list for each question of a regular expression and a selector."""
    from vedette.collection.links import links_of

    text, _ = decode(data, declared=question["charset"])
    base = question["base"]
    return {"found": [links_of(text, base=base, regex=regex, css=css) for regex, css in question["patterns"]]}, b""


def extract(question: dict[str, Any], data: bytes) -> Answer:
    """Read what documents state; the answer lists them, and the bytes of their subgraphs follow each other."""
    from vedette.extraction.serving import extract_all

    return extract_all(question["documents"], data, limit=question["limit"])


TASKS: dict[str, Callable[[dict[str, Any], bytes], Answer]] = {
    "process": process,
    "feed": feed,
    "links": links,
    "extract": extract,
}
"""What it can be asked to do."""


def answer(question: dict[str, Any], data: bytes) -> Answer:
    """Do what is asked; a failure is an answer, too."""
    try:
        return TASKS[question["task"]](question, data)
    except VedetteError as error:
        return {"error": str(error)[:_MAX_ERROR]}, b""
    except MemoryError:
        return {"error": "takes more memory than it may"}, b""
    except RecursionError:
        return {"error": "is nested too deeply"}, b""
    except Exception as error:  # noqa: BLE001 (the boundary to other people's parsers and hostile bytes)
        return {"error": f"{type(error).__name__}: {error}"[:_MAX_ERROR]}, b""


def serve(reading: BinaryIO, writing: BinaryIO) -> None:
    """Answer questions until there are no more."""
    while start := reading.read(frames.HEAD.size):
        head, size = frames.lengths(start)
        told, data = answer(frames.unpack(reading.read(head)), reading.read(size))
        writing.write(frames.pack(told, data))
        writing.flush()


def confine(*, memory: int) -> None:
    """Take from this process what parsing does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
    # A file that grows ends the process with SIGXFSZ: nothing here writes one.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    """Serve standard input; arguments: bytes of memory, the parent's process id."""
    end_with_parent(int(sys.argv[2]))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not get among the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    confine(memory=int(sys.argv[1]))
    with contextlib.suppress(BrokenPipeError), answers:
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
