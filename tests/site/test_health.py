"""``/healthz`` tells what the portal stands on, and says 503 when the database is away."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from tests.databases import use_database


def health(client: Client) -> tuple[int, dict[str, Any]]:
    response = client.get(reverse("site:health"))
    assert response["Cache-Control"] == "no-store"
    return response.status_code, response.json()


def test_a_healthy_portal_names_its_versions_jobs_and_free_disk(db: None, client: Client) -> None:
    status, told = health(client)
    assert (status, told["status"]) == (200, "ok")
    assert told["database"].startswith("15.")
    assert told["postgis"].startswith("3.")
    assert told["jobs"] == {"waiting": 0, "running": 0, "failed": 0}
    assert told["free_disk_bytes"] > 0
    assert told["application"]


def test_without_its_database_the_portal_answers_503_and_recovers_by_itself(
    committed_db: str, client: Client
) -> None:
    use_database(f"{committed_db}_that_does_not_exist")
    try:
        status, told = health(client)
        assert (status, told["status"], told["database"]) == (503, "database_away", None)
        tile = client.get("/tiles/parcels/14/11891/5949.mvt")
        assert (tile.status_code, tile.json()["code"]) == (503, "database_away")
        assert tile["Retry-After"] == "5", "a map asks again by itself"
    finally:
        use_database(committed_db)
    assert health(client)[0] == 200
