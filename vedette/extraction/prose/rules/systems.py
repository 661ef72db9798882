"""Operating systems by name, and updates: names that are few and known need no model. Versions stand apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vedette.extraction.prose.indicators.found import Found

_WINDOWS = r"Windows(?: (?:XP|Vista|NT|ME|CE|RT|Phone|Mobile|Server))?(?! [A-Z][a-z]+(?<!Server)(?<!Service)\b)"
_LINUX = (
    r"(?:GNU/)?Linux(?: [Kk]ernel)?|Red Hat Enterprise Linux|RHEL|Ubuntu(?: Linux)?|Debian(?: GNU/Linux)?|Fedora"
    r"(?: Linux)?|CentOS(?: Linux)?|SUSE Linux Enterprise(?: Server| Desktop)?|openSUSE|SLES|Arch Linux|Alpine Linux"
    r"|Kali Linux|Amazon Linux|Oracle Linux|Rocky Linux|AlmaLinux|Gentoo(?: Linux)?"
)
_APPLE = r"[Mm]ac ?OS(?: X)?(?! X)|OS X|iOS|iPadOS|tvOS|watchOS|visionOS"
_MOBILE = r"Android(?: OS)?|Chrome ?OS|HarmonyOS|Tizen|KaiOS|Symbian(?: OS)?|BlackBerry OS|webOS"
_UNIX = (
    r"FreeBSD|OpenBSD|NetBSD|DragonFly BSD|(?:Oracle )?Solaris|SunOS|AIX|HP-UX|IRIX|OpenVMS|z/OS|UNIX|Unix|MS-DOS|QNX"
    r"|VxWorks"
)
_NETWORK = r"IOS X[ER]|(?<=Cisco )IOS|NX-OS|Junos(?: OS)?|FortiOS|PAN-OS|RouterOS|ArubaOS|EOS(?= \d)|SonicOS"
_SYSTEM = re.compile(
    rf"(?<![\w/.\\-])(?:{_WINDOWS}|{_LINUX}|{_APPLE}|{_MOBILE}|{_UNIX}|{_NETWORK})"
    r"(?![\w/\\-]|\.\w| (?:Foundation|Project|Security Bulletin|Defender|Update|Store)\b)"
)
_NAMED = re.compile(rf"(?:{_WINDOWS}|{_LINUX}|{_APPLE}|{_MOBILE}|{_UNIX}|{_NETWORK}|IOS)")

_MAY_BE = re.compile(r"\b(?:\w{0,40}OS|Windows|\w{0,40}Linux|\w{0,40}BSD|\w{0,40}Unix|[Ff]irmware|[Kk]ernel)\b")

_UPDATE = re.compile(
    r"(?<![\w.-])(?:SP ?[1-9]|Service Pack \d{1,2}|KB\d{6,8}|CU\d{1,2}|(?<=\d )R[12]"
    r"|(?:Cumulative Update|Update|Hotfix|Hot Fix|Patch|Patch Level|Feature Pack|Fix Pack|Maintenance Release)"
    r" \d{1,3}[a-z]?)(?![\w-]|\.\d)"
)


def find_systems(text: str) -> Iterator[Found]:
    """Yield the operating systems of a sentence, without their versions."""
    for found in _SYSTEM.finditer(text):
        yield Found(found.start(), found.end(), "OS", "")


def find_updates(text: str) -> Iterator[Found]:
    """Yield the updates of a sentence: service packs, patches by number."""
    for found in _UPDATE.finditer(text):
        yield Found(found.start(), found.end(), "UPDATE", "")


def is_system(name: str) -> bool:
    """Tell whether a name is an operating system's."""
    return _NAMED.fullmatch(name) is not None


def may_be_system(name: str) -> bool:
    """Tell whether a name has a word in it that names of operating systems have: `StarOS`, `Foo firmware`."""
    return _MAY_BE.search(name) is not None


def is_update(name: str) -> bool:
    """Tell whether a name is an update's."""
    return _UPDATE.fullmatch(name) is not None
