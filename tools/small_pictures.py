"""Small pictures: a browser's screenshot with the 256 colours that it has most of: nearly all of a page's."""

from __future__ import annotations

import base64
import struct
import zlib

from selenium import webdriver

_REDUCE = """const done = arguments[1], image = new Image();
image.onload = () => {
    const canvas = Object.assign(document.createElement('canvas'), {width: image.width, height: image.height});
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const bytes = context.getImageData(0, 0, image.width, image.height).data;
    const pixels = Array.from({length: bytes.length / 4}, (_, at) =>
        bytes[4 * at] << 16 | bytes[4 * at + 1] << 8 | bytes[4 * at + 2]);
    const counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 256).map((one) => one[0]);
    const far = (one, other) =>
        [16, 8, 0].reduce((sum, bits) => sum + ((one >> bits & 255) - (other >> bits & 255)) ** 2, 0);
    const nearest = new Map([...counts.keys()].map((colour) => {
        let best = 0, least = Infinity;
        palette.forEach((one, at) => { const way = far(one, colour); if (way < least) { best = at; least = way } });
        return [colour, best];
    }));
    let text = '';
    for (const pixel of pixels) text += String.fromCharCode(nearest.get(pixel));
    done({width: image.width, height: image.height, palette, pixels: btoa(text)});
};
image.src = 'data:image/png;base64,' + arguments[0]"""


def reduced(browser: webdriver.Chrome, picture: str) -> bytes:
    """Return a PNG (base64) as one with a palette; the browser, at a page without a policy, reads it."""
    browser.get("about:blank")
    found = browser.execute_async_script(_REDUCE, picture)  # type: ignore[no-untyped-call]
    pixels, width = base64.b64decode(found["pixels"]), found["width"]
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    palette = b"".join(struct.pack(">I", colour)[1:] for colour in found["palette"])
    header = struct.pack(">IIBBBBB", width, found["height"], 8, 3, 0, 0, 0)
    parts = (b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
