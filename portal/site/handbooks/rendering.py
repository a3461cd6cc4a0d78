"""A handbook's Markdown as HTML: CommonMark and tables, no HTML of its own, links inside the portal.

``## Heading {#anchor}`` names a section; ``[text](owner.md#anchor)`` leads to another handbook,
``![text](../pictures/NAME.webp)`` shows a picture that a browser test took.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from portal.site.handbooks.books import DOCS, HANDBOOKS

PICTURES = DOCS / "handbook" / "pictures"
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")
_ANCHOR = re.compile(r"\s*\{#([a-z0-9-]+)\}$")
_BOOK_OF = {path: book for book in HANDBOOKS for path in book.files.values()}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the second level: what the list of contents shows."""

    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered handbook."""

    title: str
    sections: tuple[Section, ...]
    html: SafeString


def headings_of(tokens: Sequence[Token]) -> list[tuple[Token, Token]]:
    """Each heading with its words."""
    return [(one, words) for one, words in pairwise(tokens) if one.type == "heading_open"]


def parse(path: Path) -> list[Token]:
    """The tokens of a handbook, anchors moved from the headings' words into their ids."""
    tokens = _PARSER.parse(path.read_text(encoding="utf-8"))
    for heading, words in headings_of(tokens):
        if (found := _ANCHOR.search(words.content)) and words.children:
            heading.attrSet("id", found[1])
            last = words.children[-1]
            last.content = _ANCHOR.sub("", last.content)
            words.content = _ANCHOR.sub("", words.content)
    return tokens


def anchors_of(path: Path) -> set[str]:
    """The named sections of a handbook."""
    return {str(token.attrs["id"]) for token in parse(path) if "id" in token.attrs}


def links_of(tokens: Sequence[Token]) -> list[Token]:
    """Every link and picture, in the order of the text."""
    inner = [child for token in tokens for child in token.children or []]
    return [token for token in inner if token.type in {"link_open", "image"}]


def address_of(target: str, *, seen_from: Path) -> str:
    """Where a link of the file ``seen_from`` leads in the portal; what is no file stays as it is."""
    name, _, anchor = target.partition("#")
    if not name or "://" in name or name.startswith(("/", "mailto:")):
        return target
    path = (seen_from.parent / name).resolve()
    if path.is_relative_to(PICTURES):
        return static(f"handbook/{path.name}")
    return reverse("site:handbook", args=[_BOOK_OF[path].slug]) + (f"#{anchor}" if anchor else "")


def render(path: Path) -> Text:
    """The handbook in ``path``, rendered once for as long as the file stays what it is."""
    return _rendered(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _rendered(path: Path, _changed_at: int) -> Text:
    tokens = parse(path)
    for token in links_of(tokens):
        attribute = "src" if token.type == "image" else "href"
        token.attrSet(attribute, address_of(str(token.attrs[attribute]), seen_from=path))
        if token.type == "image":
            token.attrSet("loading", "lazy")
    headings = headings_of(tokens)
    title = next(words.content for heading, words in headings if heading.tag == "h1")
    second = [(heading, words.content) for heading, words in headings if heading.tag == "h2"]
    for number, (heading, _words) in enumerate(second, 1):
        heading.attrs.setdefault("id", f"section-{number}")
    sections = tuple(Section(str(heading.attrs["id"]), words) for heading, words in second)
    # The renderer escapes every text; without "html" the parser makes no token of markup.
    html = mark_safe(_PARSER.renderer.render(tokens, _PARSER.options, {}))  # noqa: S308
    return Text(title=title, sections=sections, html=html)
