"""Handbooks stay true: names, addresses and pictures are the portal's own, every page is explained."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse
from markdown_it.token import Token

from portal.accounts.models import Department, Role
from portal.site.handbooks.books import DOCS, HANDBOOKS, Handbook
from portal.site.handbooks.explained import EXPLAINED
from portal.site.handbooks.rendering import PICTURES, anchors_of, links_of, parse, render
from tests.accounts.people import officer, user_named
from tests.browser.handbook_pictures import referred
from tests.test_translations import english_of, folders_with_texts

ROOT = Path(settings.ROOT)
FILES = [path for book in HANDBOOKS for path in book.files.values()]
WRITTEN = [path for path in FILES if path.is_relative_to(DOCS / "handbook")]
PICTURES_BYTES_MOST = 4_000_000


def name_of(path: Path) -> str:
    return str(path.relative_to(DOCS))


def emphasised(tokens: list[Token]) -> Iterator[str]:
    """What stands in bold: handbooks keep that for names in the interface."""
    for token in tokens:
        inner = token.children or []
        for at, child in enumerate(inner):
            if child.type == "strong_open":
                yield inner[at + 1].content


def interface_texts(*, english: bool) -> set[str]:
    """Every text of pages and scripts, in Chinese or in English."""
    found: set[str] = set()
    for folder in folders_with_texts():
        texts = english_of(folder)
        found |= set(texts.values()) if english else {text.split("\4")[-1] for text in texts}
    for script in (ROOT / "frontend" / "src").rglob("*.ts"):
        pairs = re.findall(r"\['([^']*)',\s*'([^']*)'\]", script.read_text(encoding="utf-8"))
        found |= {pair[english] for pair in pairs}
    return found


def taken_pictures() -> list[re.Pattern[str]]:
    """The names under which the browser tests take pictures; a part filled in may be anything."""
    found = []
    for file in sorted((ROOT / "tests" / "browser").glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if not named or node.func.id != "picture" or len(node.args) != 2:
                continue
            match node.args[1]:
                case ast.Constant(value=name):
                    found.append(re.compile(re.escape(name)))
                case ast.JoinedStr(values=parts):
                    fixed = [one.value if isinstance(one, ast.Constant) else None for one in parts]
                    found.append(
                        re.compile("".join(re.escape(one) if one else r"\w+" for one in fixed))
                    )
    return found


def pages(resolver: URLResolver, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address below ``resolver`` that answers with a page, by its name."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from pages(pattern, pattern.namespace or space)
        elif pattern.name and renders(pattern):
            yield (f"{space}:{pattern.name}" if space else pattern.name), pattern


def renders(pattern: URLPattern) -> bool:
    """Whether the view renders a template, itself or by the function whose answer it returns."""
    view = inspect.unwrap(pattern.callback)
    view = getattr(view, "view_class", view)
    if (view.__module__ or "").split(".")[0] not in HOUSES:
        return False
    source = inspect.getsource(view)
    room = vars(inspect.getmodule(view))
    answering = [room.get(name) for name in re.findall(r"return (\w+)\(", source)]
    told = [source, *(inspect.getsource(one) for one in answering if inspect.isfunction(one))]
    return any(re.search(r"\brender\(|template_name", one) for one in told)


HOUSES = {"portal", "parcels", "tickets", "layers"}
# The help itself, and the map in others' frames, which has no head.
WITHOUT_HELP = {"site:help", "site:handbook", "site:embed"}


def leads_somewhere(target: str, path: Path) -> bool:
    """To an address of the portal, or to a section of a handbook that is served."""
    name, _, anchor = target.partition("#")
    if name.startswith("/"):
        return is_address(name)
    found = (path.parent / name).resolve() if name else path
    return found in FILES and (not anchor or anchor in anchors_of(found))


def is_address(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = [token for token in links_of(parse(path)) if token.type == "link_open"]
    targets = [str(token.attrs["href"]) for token in links]
    assert [target for target in targets if not leads_somewhere(target, path)] == []


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_what_is_bold_is_a_text_of_the_interface(path: Path) -> None:
    known = interface_texts(english=path.parent.name == "en")
    assert sorted(set(emphasised(parse(path))) - known) == []


def test_every_picture_is_there_and_taken_by_a_browser_test() -> None:
    takers = taken_pictures()
    assert [file.name for file in referred().values() if not file.is_file()] == []
    assert [name for name in referred() if not any(one.fullmatch(name) for one in takers)] == []
    kept = sorted(PICTURES.iterdir())
    assert kept == sorted(referred().values()), "a picture that no handbook shows is to go"
    assert sum(file.stat().st_size for file in kept) < PICTURES_BYTES_MOST


def test_every_page_is_explained_and_every_explanation_is_of_a_page() -> None:
    known = dict(pages(get_resolver()))
    explained = {
        page for sections in EXPLAINED.values() for named in sections.values() for page in named
    }
    assert sorted(set(known) - explained - WITHOUT_HELP) == []
    everything = set(get_resolver().reverse_dict) | set(known)
    assert [page for page in explained if page not in everything and not is_named(page)] == []


def is_named(page: str) -> bool:
    """Whether some address has this name, whatever it takes."""
    resolver = get_resolver()
    space, _, name = page.rpartition(":")
    if space:
        _prefix, resolver = resolver.namespace_dict[space]
    return any(key == name for key in resolver.reverse_dict if isinstance(key, str))


@pytest.mark.parametrize("book", HANDBOOKS, ids=lambda book: book.slug)
def test_explanations_are_sections_in_every_language(book: Handbook) -> None:
    for path in book.files.values():
        anchors = {section.anchor for section in render(path).sections}
        assert set(EXPLAINED.get(book.slug, {})) <= anchors


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_handbook_is_a_page_in_both_languages(client: Client, language: str) -> None:
    client.post(reverse("site:set_language"), {"language": language, "next": "/help/"})
    listed = client.get("/help/").content.decode()
    for book in HANDBOOKS:
        address = reverse("site:handbook", args=[book.slug])
        assert address in listed
        page = client.get(address).content.decode()
        had, path = book.text_for(language)
        assert f'<article lang="{had}"><h1>{render(path).title}</h1>' in page
        assert ('<p class="alert">' in page) == (had != language)
        assert "style=" not in page
    assert client.get("/help/no-such-book/").status_code == 404


def test_markup_and_scripts_in_a_text_stay_text(tmp_path: Path) -> None:
    text = tmp_path / "book.md"
    text.write_text("# A\n\n<script>x</script> <b>b</b> [c](javascript:x) [d](data:text/html,x)\n")
    html = render(text).html
    assert "<script" not in html
    assert "<b>" not in html
    assert "href" not in html


@pytest.mark.django_db
def test_each_reader_is_led_to_the_own_handbook(client: Client) -> None:
    def led_to(page: str) -> str:
        return client.get(reverse("site:page-help", args=[page]))["Location"]

    assert led_to("registry:ticket") == "/help/visitor/#ticket"
    assert led_to("parcels:bench") == "/help/natural-resources/#bench"
    assert led_to("no-such-page") == "/help/"
    client.force_login(user_named("reader"))
    assert led_to("registry:ticket") == "/help/owner/#transfer"
    client.force_login(officer("signer", Role.APPROVER, Department.FORESTRY))
    assert led_to("registry:ticket") == "/help/forestry/#orders"
    assert led_to("casework:desk") == "/help/forestry/#completeness"
    client.force_login(officer("filer", Role.CLERK, Department.ECOLOGY))
    assert led_to("casework:desk") == "/help/ecology/#filing"
