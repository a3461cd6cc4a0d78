"""How a DXF drawing is recognised, without the library that reads one."""

from __future__ import annotations

BINARY = b"AutoCAD Binary DXF\r\n\x1a\x00"


def is_one(head: bytes) -> bool:
    if head.startswith(BINARY):
        return True
    lines = [line.strip() for line in head.removeprefix(b"\xef\xbb\xbf").splitlines()]
    while len(lines) > 2 and lines[0] == b"999":  # Comments before the first section.
        lines = lines[2:]
    return len(lines) > 1 and lines[0] == b"0" and lines[1] == b"SECTION"
