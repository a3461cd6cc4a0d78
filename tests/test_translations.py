"""Every text of every app has its English: extracted from the code as it is, compared with the .po.

An app that lacks some fails under its own name and is told which texts and how to add them.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize

ROOT = Path(settings.ROOT)
CHINESE = re.compile(r"[\u3400-\u9fff]")
PLACES = re.compile(r"{(\w+)[^}]*}|%\((\w+)\)[sd]")
KEYWORDS = [
    "gettext_noop", "gettext_lazy", "ngettext_lazy:1,2", "pgettext:1c,2", "npgettext:1c,2,3",
    "pgettext_lazy:1c,2", "npgettext_lazy:1c,2,3", "_",
]  # fmt: skip
HOW = (
    "Add them in {folder}/locale/en/LC_MESSAGES/django.po (django-admin makemessages -l en "
    "--no-location --no-wrap in {folder} lists them) and fill every msgstr:\n{texts}"
)
# Chinese names of formats, columns and values stand in English sentences as they are.
KEPT_CHINESE = ("报备坐标", "亩", "经度", "纬度", "天地图", "审图号", "中文")


def folders_with_texts() -> list[str]:
    """Each app of ours, and the intake, whose process knows no Django app."""
    ours = [Path(app.path).resolve() for app in apps.get_app_configs()]
    found = [path for path in ours if path.is_relative_to(ROOT) and ".venv" not in path.parts]
    return sorted(str(path.relative_to(ROOT)) for path in [*found, ROOT / "parcels" / "intake"])


def texts_in(folder: str, scratch: Path) -> set[str]:
    """What gettext itself finds in the Python files and templates below ``folder``."""
    files: list[str] = []
    inner = [ROOT / other for other in folders_with_texts() if other != folder]
    for path in sorted((ROOT / folder).rglob("*")):
        within = any(
            path.is_relative_to(other) and (ROOT / folder) in other.parents for other in inner
        )
        if within or path.suffix not in {".py", ".html", ".txt"} or "migrations" in path.parts:
            continue
        if path.suffix == ".py":
            files.append(str(path))
            continue
        copy = scratch / f"{len(files)}.py"
        copy.write_text(templatize(path.read_text(encoding="utf-8")), encoding="utf-8")
        files.append(str(copy))
    if not files:
        return set()
    command = ["xgettext", "--language=Python", "--from-code=UTF-8", "--no-wrap"]
    command += [f"--keyword={word}" for word in KEYWORDS]
    made = subprocess.run(
        [*command, "--no-location", "-o", "-", "-f", "-"],
        input="\n".join(files), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return set(entries(made))


def entries(text: str) -> dict[str, str]:
    """msgid → msgstr of a .po text, fuzzy ones as if they had none; a context stands before its msgid
    as gettext itself keeps it."""
    found: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        current = ""
        for written in block.splitlines():
            named = re.match(r"(\w+(?:\[\d\])?) (\".*\")$", written)
            if named:
                current = named[1]
                fields[current] = ast.literal_eval(named[2])
            elif written.startswith('"'):
                fields[current] += ast.literal_eval(written)
        if fields.get("msgid"):
            filled = fields.get("msgstr", fields.get("msgstr[0]", ""))
            context = f"{fields['msgctxt']}\4" if "msgctxt" in fields else ""
            found[context + fields["msgid"]] = "" if "#, fuzzy" in block else filled
    return found


def english_of(folder: str) -> dict[str, str]:
    path = ROOT / folder / "locale" / "en" / "LC_MESSAGES" / "django.po"
    return entries(path.read_text(encoding="utf-8")) if path.exists() else {}


@pytest.mark.parametrize("folder", folders_with_texts())
def test_every_text_has_its_english(folder: str, tmp_path: Path) -> None:
    english = english_of(folder)
    missing = sorted(text for text in texts_in(folder, tmp_path) if not english.get(text))
    assert not missing, HOW.format(folder=folder, texts="\n".join(f"  {text}" for text in missing))


@pytest.mark.parametrize("folder", folders_with_texts())
def test_english_is_english_and_keeps_the_places_to_fill(folder: str) -> None:
    faults = []
    for text, english in english_of(folder).items():
        rest = english
        for kept in KEPT_CHINESE:
            rest = rest.replace(kept, "")
        if CHINESE.search(rest):
            faults.append(f"Chinese is left: {english}")
        if set(PLACES.findall(text)) != set(PLACES.findall(english)):
            faults.append(f"other places to fill: {text} → {english}")
    assert faults == []


@pytest.mark.parametrize("folder", ["tickets/registry", "tickets/offsets"])
def test_what_is_shown_is_what_the_catalogue_says(folder: str) -> None:
    """All catalogues are one: of a text that two apps translate the first app's English is shown. Where
    that is another word, the text needs a context of its own."""
    with translation.override("en"):
        shown = {text: translation.gettext(text) for text in english_of(folder) if "\4" not in text}
    assert shown == {text: word for text, word in english_of(folder).items() if text in shown}


@pytest.mark.parametrize("folder", folders_with_texts())
def test_the_texts_compile_and_none_is_given_twice(folder: str) -> None:
    path = ROOT / folder / "locale" / "en" / "LC_MESSAGES" / "django.po"
    if path.exists():
        done = subprocess.run(
            ["msgfmt", "-c", "-o", "/dev/null", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "duplicate" not in done.stderr, "run: msguniq --use-first --no-wrap"
        assert done.returncode == 0 or "header" in done.stderr, done.stderr


def test_no_template_says_chinese_outside_of_translation() -> None:
    """What ``templatize`` leaves of a template is not translated; it may hold no Chinese."""
    found = []
    for folder in folders_with_texts():
        for path in sorted((ROOT / folder).rglob("templates/**/*")):
            if path.suffix not in {".html", ".txt"}:
                continue
            source = path.read_text(encoding="utf-8")
            plain = re.sub(
                r"{%\s*comment.*?endcomment\s*%}|{#.*?#}|_\(\".*?\"\)", "", source, flags=re.S
            )
            plain = re.sub(
                r"{%\s*blocktrans.*?endblocktrans(late)?\s*%}|{%.*?%}", "", plain, flags=re.S
            )
            for kept in KEPT_CHINESE:
                plain = plain.replace(kept, "")
            if words := re.findall(r"[\u3400-\u9fff]+", plain):
                found.append(f"{path.relative_to(ROOT)}: {' '.join(words)}")
    assert found == []
