"""What must be there and at work for the guarantees to bind whoever writes.

Constraints are those of the models, triggers those that the migrations' SQL makes; so none that a
later migration brings is forgotten. A test compares both with a freshly migrated database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import AppConfig, apps
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader

Guard = tuple[str, str]  # Table and name.

OURS = ("portal.", "parcels", "tickets.", "layers")
_SPOKEN = re.compile(
    r"CREATE\s+(?:CONSTRAINT\s+)?TRIGGER\s+(?P<made>\w+)\s[^;]*?\sON\s+(?P<made_on>\w+)"
    r"|DROP\s+TRIGGER\s+(?:IF\s+EXISTS\s+)?(?P<dropped>\w+)\s+ON\s+(?P<dropped_on>\w+)"
    r"|portal_append_only\('(?P<kept>\w+)'\)"
    r"|ALTER\s+TABLE\s+(?P<altered>\w+)"
    r"|ADD\s+CONSTRAINT\s+(?P<rule>\w+)\s+(?:CHECK|UNIQUE|EXCLUDE)"
    r"|DROP\s+CONSTRAINT\s+(?:IF\s+EXISTS\s+)?(?P<former>\w+)"
)

_APPEND_ONLY = ("nothing_is_rewritten", "nothing_is_truncated")
# The guarantees of registry, casework and projects (0002 each) make these in loops over tables.
_IN_LOOPS = (
    (
        ("registry_block", "registry_carbonticket", "registry_ticketshare"),
        ("closes_once", *_APPEND_ONLY),
    ),
    (
        (
            "casework_reviewcase", "casework_reviewstep", "casework_opinion", "casework_notice",
            "casework_noticeobjection", "projects_material", "projects_disqualification",
            "projects_project",
        ),
        ("nothing_is_removed", "nothing_is_truncated"),
    ),
)  # fmt: skip


def our_apps() -> list[AppConfig]:
    """The portal's own."""
    return [config for config in apps.get_app_configs() if config.name.startswith(OURS)]


@cache
def guards() -> frozenset[Guard]:
    """Everything that must be there."""
    models = [
        model for config in our_apps() for model in config.get_models(include_auto_created=True)
    ]
    tables = {model._meta.db_table for model in models if model._meta.managed}
    made = {guard for guard in _made_by_migrations() if guard[0] in tables}
    return frozenset(made) | {
        (model._meta.db_table, constraint.name)
        for model in models
        for constraint in model._meta.constraints
        if model._meta.managed
    }


def _made_by_migrations() -> set[Guard]:
    standing = {(table, name) for tables, names in _IN_LOOPS for table in tables for name in names}
    table = ""
    for statement in _statements():
        for found in _SPOKEN.finditer(statement):
            table = found["altered"] or table
            if found["made"]:
                standing.add((found["made_on"], found["made"]))
            elif found["kept"]:
                standing |= {(found["kept"], name) for name in _APPEND_ONLY}
            elif found["rule"]:
                standing.add((table, found["rule"]))
            elif found["dropped"]:
                standing.discard((found["dropped_on"], found["dropped"]))
            elif found["former"]:
                standing.discard((table, found["former"]))
    return standing


def _statements() -> Iterator[str]:
    """The SQL of our migrations in the order in which they run."""
    loader = MigrationLoader(None)
    labels = {config.label for config in our_apps()}
    plan = dict.fromkeys(
        node for leaf in loader.graph.leaf_nodes() for node in loader.graph.forwards_plan(leaf)
    )
    for label, name in plan:
        if label not in labels:
            continue
        for operation in loader.graph.nodes[label, name].operations:
            if isinstance(operation, RunSQL):
                parts = [operation.sql] if isinstance(operation.sql, str) else operation.sql
                yield from (part if isinstance(part, str) else part[0] for part in parts)


# A partial uniqueness is an index.
_MISSING = """
SELECT wanted.at || '.' || wanted.name
FROM (SELECT unnest(%s::text[]) AS at, unnest(%s::text[]) AS name) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(wanted.at)
                    AND tgname = wanted.name AND tgenabled IN ('O', 'A'))
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass(wanted.at)
                    AND conname = wanted.name AND convalidated AND contype IN ('c', 'u', 'x', 'p'))
  AND NOT EXISTS (SELECT FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
                  WHERE indrelid = to_regclass(wanted.at) AND relname = wanted.name
                    AND indisunique AND indisvalid)
ORDER BY 1 LIMIT 1
"""


def missing_guard(cursor: Any) -> str | None:
    """The first that is gone or was taken off."""
    wanted = sorted(guards())
    cursor.execute(_MISSING, [[at for at, _name in wanted], [name for _at, name in wanted]])
    row = cursor.fetchone()
    return None if row is None else str(row[0])
