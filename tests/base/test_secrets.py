"""Keys in files: what is sealed opens with its own row alone, and rotation loses nothing."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal.base.secrets import (
    IDENTITY_KEYS,
    KEY_FILES,
    LOOKUP_KEYS,
    KeyUnavailable,
    SealBroken,
    Sealed,
    add_key,
    ensure_key_files,
    fingerprint,
    key_in_use,
    key_path,
    keys,
    parse_keys,
    seal,
    unseal,
)
from tests.base.sessions import at_once
from tests.conftest import ROOT

NUMBER = "654002199001011234"
ROW = "party/5f0c"
one_folder = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
)


@pytest.fixture(autouse=True)
def key_folder(settings: Any, tmp_path: Path) -> Path:
    """An installation that has no keys yet."""
    settings.SECRETS = tmp_path / "secrets"
    folder: Path = settings.SECRETS
    return folder


def flipped(data: bytes, place: int, bit: int = 0) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]


# --- seal and open --------------------------------------------------------------------------------
@one_folder
@given(st.text(), st.text())
def test_what_is_sealed_opens_again(text: str, row: str) -> None:
    assert unseal(seal(text, bound_to=row), bound_to=row) == text


def test_sealing_is_aes_256_gcm_with_the_nonce_in_front() -> None:
    sealed = seal(NUMBER, bound_to=ROW)
    key = key_in_use(IDENTITY_KEYS)
    assert (sealed.key_id, len(key.secret)) == (key.id, 32)
    opened = AESGCM(key.secret).decrypt(sealed.data[:12], sealed.data[12:], ROW.encode())
    assert opened.decode() == NUMBER
    assert len(sealed.data) == 12 + len(NUMBER) + 16


def test_equal_texts_are_sealed_differently() -> None:
    sealed = [seal(NUMBER, bound_to=ROW).data for _ in range(50)]
    assert len({data[:12] for data in sealed}) == 50
    assert len({data[12:] for data in sealed}) == 50
    assert not any(NUMBER.encode() in data for data in sealed)


def test_a_change_of_any_byte_is_found() -> None:
    sealed = seal(NUMBER, bound_to=ROW)
    for place in range(len(sealed.data)):
        for bit in (0, 7):
            with pytest.raises(SealBroken):
                unseal(Sealed(sealed.key_id, flipped(sealed.data, place, bit)), bound_to=ROW)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[:5],
        lambda data: data[:12],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[12:] + data[:12],
    ],
)
def test_a_change_of_length_or_order_is_found(change: Callable[[bytes], bytes]) -> None:
    sealed = seal(NUMBER, bound_to=ROW)
    with pytest.raises(SealBroken):
        unseal(Sealed(sealed.key_id, change(sealed.data)), bound_to=ROW)


@one_folder
@given(st.text())
def test_a_value_moved_to_another_row_does_not_open(other: str) -> None:
    sealed = seal(NUMBER, bound_to=ROW)
    if other != ROW:
        with pytest.raises(SealBroken):
            unseal(sealed, bound_to=other)


def test_a_value_does_not_open_under_another_key_of_the_file() -> None:
    sealed = seal(NUMBER, bound_to=ROW)
    add_key(IDENTITY_KEYS)
    with pytest.raises(SealBroken):
        unseal(Sealed(key_in_use(IDENTITY_KEYS).id, sealed.data), bound_to=ROW)


# --- fingerprints ---------------------------------------------------------------------------------
@one_folder
@given(st.text(), st.text())
def test_equal_texts_and_only_they_share_a_fingerprint(one: str, other: str) -> None:
    assert len(fingerprint(one)) == 32
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


def test_a_fingerprint_hangs_on_the_lookup_key_alone() -> None:
    before = fingerprint(NUMBER)
    add_key(IDENTITY_KEYS)
    assert fingerprint(NUMBER) == before
    add_key(LOOKUP_KEYS)
    assert fingerprint(NUMBER) != before


# --- rotation -------------------------------------------------------------------------------------
def test_after_a_rotation_the_new_key_seals_and_the_old_one_still_opens() -> None:
    sealed = []
    for round_ in range(4):
        sealed.append(seal(f"{NUMBER}-{round_}", bound_to=ROW))
        add_key(IDENTITY_KEYS)
    assert [one.key_id for one in sealed] == ["k1", "k2", "k3", "k4"]
    assert key_in_use(IDENTITY_KEYS).id == "k5"
    opened = [unseal(one, bound_to=ROW) for one in sealed]
    assert opened == [f"{NUMBER}-{round_}" for round_ in range(4)]


def test_a_key_taken_out_of_the_file_opens_no_more(key_folder: Path) -> None:
    sealed = seal(NUMBER, bound_to=ROW)
    add_key(IDENTITY_KEYS)
    path = key_folder / IDENTITY_KEYS
    path.write_text(path.read_text().splitlines()[1] + "\n")
    with pytest.raises(KeyUnavailable, match="k1"):
        unseal(sealed, bound_to=ROW)
    assert add_key(IDENTITY_KEYS).id == "k3"  # An id is never given to another key.


def test_a_rotation_by_another_process_reaches_this_one(key_folder: Path) -> None:
    before = seal(NUMBER, bound_to=ROW)
    command = (
        "import django; django.setup(); from portal.base.secrets import add_key, seal; "
        f"add_key('identity.key'); print(seal('{NUMBER}', bound_to='{ROW}').data.hex())"
    )
    other = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        env={
            **os.environ,
            "PORTAL_VAR": str(key_folder.parent),
            "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert unseal(Sealed("k2", bytes.fromhex(other.stdout)), bound_to=ROW) == NUMBER
    assert seal(NUMBER, bound_to=ROW).key_id == "k2"
    assert unseal(before, bound_to=ROW) == NUMBER


def test_a_reader_never_meets_a_half_written_file() -> None:
    keys(IDENTITY_KEYS)
    ended = Event()

    def read() -> int:
        times = 0
        while not ended.is_set():
            parse_keys(IDENTITY_KEYS, key_path(IDENTITY_KEYS).read_text())
            times += 1
        return times

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        for _ in range(50):
            add_key(IDENTITY_KEYS)
        ended.set()
    assert reader.result() > 0
    assert len(keys(IDENTITY_KEYS)) == 51


def test_processes_that_make_a_missing_file_at_once_agree_on_one_key() -> None:
    """Of two look-up keys the later one would hide what the earlier one has fingerprinted."""
    for _round in range(20):
        made = at_once([lambda: keys(LOOKUP_KEYS)] * 16)
        assert {len(found) for found in made} == {1}
        assert len(set(made)) == 1
        key_path(LOOKUP_KEYS).unlink()


def test_keys_added_at_once_are_all_kept() -> None:
    keys(IDENTITY_KEYS)
    added = at_once([lambda: add_key(IDENTITY_KEYS)] * 16)
    assert set(added) <= set(keys(IDENTITY_KEYS))


# --- files ----------------------------------------------------------------------------------------
def test_key_files_are_for_their_owner_alone(key_folder: Path) -> None:
    ensure_key_files()
    add_key(IDENTITY_KEYS)
    assert stat.S_IMODE(key_folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in key_folder.iterdir()) == sorted(KEY_FILES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in key_folder.iterdir()} == {0o600}


def test_the_two_files_hold_different_keys() -> None:
    ensure_key_files()
    assert key_in_use(IDENTITY_KEYS).secret != key_in_use(LOOKUP_KEYS).secret
    assert (key_in_use(IDENTITY_KEYS).id, key_in_use(LOOKUP_KEYS).id) == ("k1", "l1")


def test_a_production_never_makes_a_missing_key_by_itself(settings: Any, key_folder: Path) -> None:
    settings.INSTALLATION_KIND = "production"
    for use in (ensure_key_files, lambda: seal(NUMBER, bound_to=ROW), lambda: fingerprint(NUMBER)):
        with pytest.raises(KeyUnavailable):
            use()
    assert not key_folder.exists()


GOOD = base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (f"k1:{GOOD}\n", ["k1"]),
        (f"# made 2026\n\nk1:{GOOD}\n  k12:{GOOD}  \n", ["k1", "k12"]),
        (f"k2:{GOOD}\nk1:{GOOD}", ["k2", "k1"]),
        ("", None),
        ("# nothing\n", None),
        (f"k1:{GOOD}\nk1:{GOOD}\n", None),
        (f"k1:{GOOD[:-4]}\n", None),
        (f"k1:{base64.b64encode(bytes(33)).decode()}\n", None),
        (f"1k:{GOOD}\n", None),
        (f"k1={GOOD}\n", None),
        (f"k1:{GOOD} # the first\n", None),
        (f"k1:{GOOD[:10]}-{GOOD[11:]}\n", None),
    ],
)
def test_a_key_file_is_read_whole_or_not_at_all(text: str, ids: list[str] | None) -> None:
    if ids is None:
        with pytest.raises(KeyUnavailable):
            parse_keys(IDENTITY_KEYS, text)
        return
    found = parse_keys(IDENTITY_KEYS, text)
    assert [key.id for key in found] == ids
    assert {key.secret for key in found} == {bytes(range(32))}


def test_a_broken_key_file_is_never_replaced(key_folder: Path) -> None:
    key_folder.mkdir()
    for broken in ("", "k1:short\n"):
        path = key_folder / IDENTITY_KEYS
        path.write_text(broken)
        for use in (lambda: add_key(IDENTITY_KEYS), lambda: keys(IDENTITY_KEYS)):
            with pytest.raises(KeyUnavailable):
                use()
        assert path.read_text() == broken
        assert list(key_folder.iterdir()) == [path]


def test_a_key_does_not_show_in_an_error(key_folder: Path) -> None:
    secret = base64.b64encode(key_in_use(IDENTITY_KEYS).secret).decode()
    path = key_folder / IDENTITY_KEYS
    path.write_text(path.read_text() + f"k1:{secret}\n")
    with pytest.raises(KeyUnavailable) as caught:
        keys(IDENTITY_KEYS)
    assert secret not in f"{caught.value} {caught.value!r}"


def test_a_key_does_not_show_in_its_own_text() -> None:
    key = key_in_use(IDENTITY_KEYS)
    assert repr(key.secret) not in repr(key)
