"""Two roles: the application's, which owns nothing, and the owner's, which migrates."""

from __future__ import annotations

from typing import Any

OWNER = "owner"


class OwnerMigrates:
    """Schema changes go through the owner's connection alone; data never does by routing."""

    def db_for_read(self, model: type, **hints: Any) -> str:
        return "default"

    def db_for_write(self, model: type, **hints: Any) -> str:
        return "default"

    def allow_relation(self, first: object, second: object, **hints: Any) -> bool:
        return True  # Both aliases are one database under two roles.

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == OWNER
