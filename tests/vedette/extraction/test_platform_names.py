"""CPE names: both forms of the same name are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction.platform_names import PlatformName, PlatformNameError


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("cpe:/a:HP:System_Management_Homepage:7.2.0", "cpe:2.3:a:hp:system_management_homepage:7.2.0:*:*:*:*:*:*:*"),
        ("cpe:2.3:a:hp:x:7.2:*:*:*:*:*:*:*", "cpe:2.3:a:hp:x:7.2:*:*:*:*:*:*:*"),
        ("cpe:/o:linux:linux_kernel:-", "cpe:2.3:o:linux:linux_kernel:-:*:*:*:*:*:*:*"),
        ("cpe:/a:x:c%2b%2b:1.0", r"cpe:2.3:a:x:c\+\+:1.0:*:*:*:*:*:*:*"),
        (r"cpe:2.3:a:x:c\+\+:1.0:*:*:*:*:*:*:*", r"cpe:2.3:a:x:c\+\+:1.0:*:*:*:*:*:*:*"),
        (r"cpe:2.3:a:x:a\:b:1:*:*:*:*:*:*:*", r"cpe:2.3:a:x:a\:b:1:*:*:*:*:*:*:*"),
        ("cpe:/a:x:y:8.%02", "cpe:2.3:a:x:y:8.*:*:*:*:*:*:*:*"),
        ("cpe:/a:x:y:1::~~lite~android~arm~z:en", "cpe:2.3:a:x:y:1:*:*:en:lite:android:arm:z"),
        ("cpe:/a:x:y:1::~old", "cpe:2.3:a:x:y:1:*:old:*:*:*:*:*"),
        ("cpe:/h:x", "cpe:2.3:h:x:*:*:*:*:*:*:*:*:*"),
        (" cpe:2.3:a:x:y ", "cpe:2.3:a:x:y:*:*:*:*:*:*:*:*"),
        ("cpe:2.3:a:x:y\\\\:1", "cpe:2.3:a:x:y\\\\:1:*:*:*:*:*:*:*"),
        ("CPE:2.3:A:X:Y", "cpe:2.3:a:x:y:*:*:*:*:*:*:*:*"),
    ],
)
def test_both_forms_lead_to_one(text: str, formatted: str) -> None:
    name = PlatformName.parse(text)
    assert name.formatted == formatted
    assert PlatformName.parse(formatted).formatted == formatted


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "begins with neither"),
        ("apache httpd 2.4", "begins with neither"),
        ("cpe:/", "part is neither"),
        ("cpe:/x:vendor:product", "part is neither"),
        ("cpe:2.3:", "part is neither"),
        ("cpe:/a:1:2:3:4:5:6:7:8", "more than 7 parts"),
        ("cpe:2.3:a" + ":x" * 11, "more than 11 parts"),
        ("cpe:2.3:a:x:y\\", "within a quoted character"),
        ("cpe:/a:" + "x" * 3_000, "of 3007 characters"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(PlatformNameError, match=reason):
        PlatformName.parse(text)


def test_it_is_described_as_stucco_does() -> None:
    assert PlatformName.parse("cpe:/a:1024cms:1024_cms:0.7").description == "1024cms 1024_cms version 0.7"
    assert PlatformName.parse(r"cpe:2.3:a:x:c\+\+:*").description == "x c++"


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    for start in ("", "cpe:/a:", "cpe:2.3:a:", "cpe:2.3:o:x:"):
        try:
            name = PlatformName.parse(start + text)
        except PlatformNameError:
            continue
        # What was read once reads the same again.
        assert PlatformName.parse(name.formatted).formatted == name.formatted
