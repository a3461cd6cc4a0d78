"""An unsafe production does not start: each check by its own, then the commands that run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from portal.base import secrets
from portal.base.checks import refuse_unsafe_start
from tests.base.sessions import as_owner
from tests.conftest import ROOT

GOOD_KEY = "q7Rk2-vXw9Lm4_Tz8Yb1Nc6Hd3Jf5Gp0Sa-Ue7Wi2Oo9Kr4Mt8Q"


@pytest.fixture
def production(settings: Any, tmp_path: Path) -> Any:
    """Settings of a production that is safe; each test spoils one of them."""
    settings.SECRETS = tmp_path / "secrets"
    settings.INSTALLATION_KIND = "test"
    secrets.ensure_key_files()
    settings.INSTALLATION_KIND = "production"
    settings.SECRET_KEY = GOOD_KEY
    settings.DEBUG = False
    settings.DEMO_ACCOUNTS = False
    settings.SESSION_COOKIE_SECURE = True
    settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["portal.yining.example"]
    return settings


@pytest.fixture
def production_db(committed_db: str, production: Any) -> str:
    """And the database of one."""
    with as_owner() as owner:
        owner.execute("UPDATE base_installation SET kind = 'production'")
    return committed_db


def settings_faults() -> list[str]:
    """What the checks that need no database find."""
    return [str(found.id) for found in run_checks(tags=[Tags.security]) if found.is_serious()]


def database_faults() -> list[str]:
    found = run_checks(tags=[Tags.database], databases=["default"])
    return [str(message.id) for message in found if message.is_serious()]


@contextmanager
def connected_as(user: dict[str, Any]) -> Iterator[None]:
    """The application's connection under another role, as after a mistake in DATABASE_URL."""
    connection = connections["default"]
    connection.close()
    before = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    connection.settings_dict.update({name: user[name] for name in before})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


# --- settings -------------------------------------------------------------------------------------
def test_a_safe_production_is_not_refused(production: Any) -> None:
    assert settings_faults() == []


@pytest.mark.parametrize(
    "key",
    [
        "short",
        GOOD_KEY[:49],
        "a" * 80,
        "ab" * 40,
        "django-insecure-" + GOOD_KEY,
        "embedded-until-set-up-has-written-var-portal-env",
        "embedded-" + GOOD_KEY,
    ],
)
def test_a_guessable_secret_key_is_refused(production: Any, key: str) -> None:
    production.SECRET_KEY = key
    assert settings_faults() == ["base.E001"]


def test_an_absent_secret_key_is_refused(production: Any) -> None:
    production.SECRET_KEY = ""
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        refuse_unsafe_start()


def test_debug_pages_are_refused(production: Any) -> None:
    production.DEBUG = True
    assert settings_faults() == ["base.E002"]


def test_demo_accounts_are_refused(production: Any) -> None:
    production.DEMO_ACCOUNTS = True
    assert settings_faults() == ["base.E003"]


@pytest.mark.parametrize(
    "name", ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"]
)
def test_cookies_without_tls_are_refused(production: Any, name: str) -> None:
    setattr(production, name, False)
    [message] = [found for found in run_checks(tags=[Tags.security]) if found.is_serious()]
    assert message.id == "base.E004"
    assert name in message.msg


@pytest.mark.parametrize("hosts", [[], ["*"], ["portal.yining.example", "*"], [""], ["."], [" * "]])
def test_any_host_is_refused(production: Any, hosts: list[str]) -> None:
    production.ALLOWED_HOSTS = hosts
    assert settings_faults() == ["base.E005"]


def test_one_role_for_serving_and_owning_is_refused(
    production: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = django_settings.DATABASES["owner"]
    monkeypatch.setitem(owner, "USER", django_settings.DATABASES["default"]["USER"])
    assert settings_faults() == ["base.E006"]


def test_a_server_that_never_migrates_need_not_know_the_owner(
    production: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(django_settings.DATABASES, "owner")
    assert settings_faults() == []


@pytest.mark.parametrize("file", secrets.KEY_FILES)
def test_a_missing_key_file_is_refused_and_not_made(production: Any, file: str) -> None:
    path = secrets.key_path(file)
    path.unlink()
    assert settings_faults() == ["base.E007"]
    assert not path.exists()


@pytest.mark.parametrize("file", secrets.KEY_FILES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"k1:short\n",
        b"k1:\xff\xfe\x00",
    ],
)
def test_a_broken_key_file_is_refused(production: Any, file: str, content: bytes) -> None:
    secrets.key_path(file).write_bytes(content)
    assert settings_faults() == ["base.E007"]


@pytest.mark.parametrize("file", secrets.KEY_FILES)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_key_file_open_to_others_is_refused(production: Any, file: str, mode: int) -> None:
    secrets.key_path(file).chmod(mode)
    assert settings_faults() == ["base.E008"]


def test_every_fault_is_told_at_once(production: Any) -> None:
    production.DEBUG = production.DEMO_ACCOUNTS = True
    production.SECRET_KEY = "short"
    production.ALLOWED_HOSTS = ["*"]
    production.SESSION_COOKIE_SECURE = False
    for file in secrets.KEY_FILES:
        secrets.key_path(file).unlink()
    assert sorted(set(settings_faults())) == [f"base.E00{number}" for number in (1, 2, 3, 4, 5, 7)]


@pytest.mark.parametrize("kind", ["embedded", "test"])
def test_a_demonstration_may_be_as_open_as_it_likes(production: Any, kind: str) -> None:
    production.INSTALLATION_KIND = kind
    production.DEBUG = production.DEMO_ACCOUNTS = True
    production.SECRET_KEY = "x"
    production.ALLOWED_HOSTS = ["*"]
    production.SESSION_COOKIE_SECURE = False
    secrets.key_path(secrets.LOOKUP_KEYS).chmod(0o666)
    assert settings_faults() == []


# --- database -------------------------------------------------------------------------------------
def test_a_safe_productions_database_is_not_refused(production_db: str) -> None:
    assert database_faults() == []


def test_serving_as_the_owner_of_the_tables_is_refused(production_db: str) -> None:
    with connected_as(django_settings.DATABASES["owner"]):
        assert database_faults() == ["base.E009"]


def test_serving_as_a_role_that_may_create_is_refused(production_db: str) -> None:
    with as_owner() as owner:
        owner.execute("GRANT CREATE ON SCHEMA public TO CURRENT_USER")
        owner.execute(
            f"GRANT CREATE ON SCHEMA public TO {django_settings.DATABASES['default']['USER']}"
        )
    assert database_faults() == ["base.E009"]


def test_owning_a_single_table_is_refused(production_db: str) -> None:
    app = django_settings.DATABASES["default"]["USER"]
    with as_owner() as owner:
        owner.execute("CREATE TABLE theirs (id int)")
        owner.execute(f"GRANT CREATE ON SCHEMA public TO {app}")
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE mine (id int)")
    with as_owner() as owner:
        owner.execute(f"REVOKE CREATE ON SCHEMA public FROM {app}")
    assert database_faults() == ["base.E009"]


@pytest.mark.parametrize("kind", ["embedded", "test"])
def test_a_demonstrations_database_does_not_become_a_production(
    committed_db: str, production: Any, kind: str
) -> None:
    with as_owner() as owner:
        owner.execute("UPDATE base_installation SET kind = %s", [kind])
    assert database_faults() == ["base.E010"]


def test_a_database_that_is_not_migrated_yet_is_no_demonstration(production_db: str) -> None:
    with as_owner() as owner:
        owner.execute("UPDATE base_installation SET kind = 'test'")
        owner.execute("ALTER TABLE base_installation RENAME TO before_migration")
    assert database_faults() == []


def test_the_database_is_not_asked_where_no_check_of_it_is_wanted(
    committed_db: str, production: Any
) -> None:
    assert run_checks(tags=[Tags.database], databases=[]) == []


# --- starting -------------------------------------------------------------------------------------
def test_a_safe_production_starts(production_db: str) -> None:
    refuse_unsafe_start()


def test_an_unsafe_production_does_not_start_and_says_why(production_db: str) -> None:
    django_settings.DEBUG = True
    with as_owner() as owner:
        owner.execute("UPDATE base_installation SET kind = 'embedded'")
    with pytest.raises(ImproperlyConfigured) as caught:
        refuse_unsafe_start()
    for told in ("base.E002", "Remove DEBUG", "base.E010", "marked embedded"):
        assert told in str(caught.value)


def test_while_the_database_is_away_the_settings_alone_are_judged(
    production_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connections["default"]
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    refuse_unsafe_start()
    django_settings.DEBUG = True
    with pytest.raises(ImproperlyConfigured, match="base.E002"):
        refuse_unsafe_start()
    connection.close()


def environment(database: str, key_folder: Path, **changed: str) -> dict[str, str]:
    """The environment of a production server on this test's database."""

    def url(alias: str) -> str:
        of = django_settings.DATABASES[alias]
        return (
            f"postgis://{of['USER']}:{quote(of['PASSWORD'], safe='')}"
            f"@{of['HOST']}:{of['PORT']}/{database}"
        )

    return {
        "PATH": os.environ["PATH"],
        "PORTAL_VAR": str(key_folder.parent),
        "DJANGO_SETTINGS_MODULE": "portal.settings.production",
        "DATABASE_URL": url("default"),
        "DATABASE_OWNER_URL": url("owner"),
        "PORTAL_SECRETS": str(key_folder),
        "SECRET_KEY": GOOD_KEY,
        "ALLOWED_HOSTS": "portal.yining.example",
        **changed,
    }


def run(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


UNSAFE = {
    "SECRET_KEY": "short",
    "DEBUG": "1",
    "DEMO_ACCOUNTS": "1",
    "SECURE_SSL_REDIRECT": "0",
    "ALLOWED_HOSTS": "*",
}
ASKED = ("manage.py", "check", "--database", "default")


def test_manage_py_lets_a_safe_production_pass(production_db: str, production: Any) -> None:
    ended = run(environment(production_db, production.SECRETS), *ASKED)
    assert ended.returncode == 0, ended.stderr
    assert "base.E" not in ended.stderr


def test_manage_py_refuses_an_unsafe_production(
    committed_db: str, production: Any, tmp_path: Path
) -> None:
    env = environment(committed_db, tmp_path / "no-keys", **UNSAFE)
    env["DATABASE_URL"] = env["DATABASE_OWNER_URL"]
    ended = run(env, *ASKED)
    assert ended.returncode == 1
    for number in (1, 2, 3, 4, 5, 6, 7, 9, 10):
        assert f"base.E{number:03d}" in ended.stderr


def test_the_application_server_refuses_an_unsafe_production(
    committed_db: str, production: Any
) -> None:
    env = environment(committed_db, production.SECRETS, **UNSAFE)
    ended = run(env, "-c", "import portal.asgi")
    assert ended.returncode != 0
    assert "base.E001" in ended.stderr
