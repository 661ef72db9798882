"""Operating systems and updates by name, their versions apart; products that begin like one are none."""

from __future__ import annotations

import pytest

from vedette.extraction.prose.rules.systems import find_systems, find_updates, is_system, is_update


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("It runs on Windows, Linux and macOS.", ["Windows", "Linux", "macOS"]),
        ("Microsoft Windows 10 21H2 and Windows Server 2019 are affected.", ["Windows", "Windows Server"]),
        ("Windows XP SP2, Windows Vista and Windows NT 4.0", ["Windows XP", "Windows Vista", "Windows NT"]),
        ("Mac OS X 10.6, OS X and iOS 14.2", ["Mac OS X", "OS X", "iOS"]),
        ("Android 12 phones; an iOS app", ["Android", "iOS"]),
        (
            "Red Hat Enterprise Linux 7, Ubuntu 20.04 LTS, Debian GNU/Linux",
            ["Red Hat Enterprise Linux", "Ubuntu", "Debian GNU/Linux"],
        ),
        ("the Linux kernel before 5.4", ["Linux kernel"]),
        ("Cisco IOS 15.1 and IOS XE", ["IOS", "IOS XE"]),
        ("Junos OS, FortiOS, PAN-OS and FreeBSD 12.1", ["Junos OS", "FortiOS", "PAN-OS", "FreeBSD"]),
        ("Windows Defender and Windows Media Player on Windows 7", ["Windows"]),
        ("the Windows Server service in Windows Server 2003", ["Windows Server", "Windows Server"]),
        ("a Windows-based Trojan, Linux/Mirai, Win32/Linux.A, C:\\Windows\\System32", []),
        ("the Linux Foundation and Android Security Bulletin", []),
        ("solaris, windows, android", []),
        ("Linux.Encoder and macOS.app", []),
    ],
)
def test_systems_are_found_by_name(text: str, names: list[str]) -> None:
    assert [text[one.start : one.end] for one in find_systems(text)] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Windows XP SP2 and SP3", ["SP2", "SP3"]),
        ("Windows 7 Service Pack 1", ["Service Pack 1"]),
        ("install KB5034441 or KB4012212", ["KB5034441", "KB4012212"]),
        ("Windows Server 2008 R2", ["R2"]),
        ("Exchange 2016 CU23 and Cumulative Update 12", ["CU23", "Cumulative Update 12"]),
        ("JDK 8 Update 341; Hotfix 4; Patch 2", ["Update 341", "Hotfix 4", "Patch 2"]),
        ("NIST SP 800-53, KB12, R2D2, a patch, Update 3.1", []),
    ],
)
def test_updates_are_found(text: str, names: list[str]) -> None:
    assert [text[one.start : one.end] for one in find_updates(text)] == names


def test_names_are_known_whole() -> None:
    assert is_system("Windows Server")
    assert is_system("IOS")
    assert not is_system("Windows Media Player")
    assert is_update("Service Pack 2")
    assert not is_update("Service Pack")
