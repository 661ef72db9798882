"""Names of files, by their ending."""

from __future__ import annotations

from typing import Final

_PROGRAMS: Final = (
    "exe dll sys bat cmd ps1 psm1 psd1 vbs vbe js jse wsf wsh hta scr pif lnk msi msp cpl ocx drv efi jar class"
    " dex py pyc pyw pyd pl pm rb php php3 php5 phtml asp aspx ashx asmx asax jsp jspx jspf cgi sh bash zsh ksh so"
    " ko elf bin dylib lua sct wsc mof xll xla xlam apk ipa deb rpm dmg pkg nse"
)
_DOCUMENTS: Final = (
    "doc docx docm dot dotm dotx rtf xls xlsx xlsm xlsb xlt xltm ppt pptx pptm pps ppsx ppsm pot odt ods odp pdf"
    " txt csv tsv md rst htm html xhtml mht mhtml hwp hwpx chm hlp eml msg pub vsd vsdx gif jpg jpeg png bmp ico"
    " svg tif tiff webp mp3 mp4 ogg avi mov wav swf ttf otf"
)
_DATA: Final = (
    "dat dmp log tmp bak cfg conf ini inf reg xml xsl xslt xsd json yml yaml toml sql sqlite sqlite3 db mdb accdb"
    " kdbx pem crt cer der pfx p12 ppk pcap pcapng evtx evt etl plist yar yara manifest htaccess"
)
_ARCHIVES: Final = "zip rar 7z tar gz tgz bz2 xz lz4 zst lzh ace cab arj iso img vhd vhdx vmdk ova ovf war ear"
_SOURCES: Final = "c cc cpp cxx h hpp cs vb vba bas go rs swift kt ts tsx jsx css scss asm s vue ipynb gradle cmake"
_ENDINGS: Final = frozenset(
    ending for endings in (_PROGRAMS, _DOCUMENTS, _DATA, _ARCHIVES, _SOURCES) for ending in endings.split()
)
_HOST_ENDINGS: Final = frozenset({"cc", "md", "mov", "pl", "pm", "ps", "py", "rs", "sh", "so", "zip"})
"""Endings of files that are top-level domains as well; of names of two parts they are rather a file's."""

_LIBRARIES: Final = (
    "angular backbone chart d3 discord ember express jquery moment nest next node nuxt p5 react require socket"
    " three vue"
)
_PRODUCTS: Final = frozenset(_LIBRARIES.split())
"""Libraries that are called `name.js`."""

_OBJECTS: Final = frozenset({"console", "logger", "logging", "math", "self", "this"})
"""What has a method `log`."""


def is_file(name: str, following: str = "") -> bool:
    """Tell whether a name with dots is a file's.

    Args:
        name: letters, digits, `_`, `-` and dots.
        following: the character behind it; `console.log(` is a call.
    """
    stem, _, ending = name.rpartition(".")
    plain = ending.lower()
    if plain.isdigit() and stem.endswith(".so"):
        return True
    if not stem.strip("._-") or plain not in _ENDINGS or not _is_written_so(stem, ending):
        return False
    if plain == "js" and stem.lower() in _PRODUCTS:
        return False
    return not (following == "(" and stem.lower() in _OBJECTS)


def may_be_host(name: str) -> bool:
    """Tell whether the ending of a file's name is a top-level domain too."""
    return name.rpartition(".")[2].lower() in _HOST_ENDINGS


def ends_as_file(name: str) -> bool:
    """Tell whether a name ends as names of files do, whatever it is otherwise."""
    return "." in name and name.rpartition(".")[2].lower() in _ENDINGS


def _is_written_so(stem: str, ending: str) -> bool:
    # A sentence may go on without a space, "the end.Log": an ending is small, or all of it capitals.
    if ending.islower() or ending.isdigit():
        return True
    if not any(sign.isupper() for sign in ending[1:]):
        return False
    return len(ending) > 2 or not any(sign.islower() for sign in stem)
