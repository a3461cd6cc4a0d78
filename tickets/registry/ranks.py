"""Pledges on the same kilograms in the order of their ranks (article 18): who waits for whom."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tickets.registry.models import CarbonTicket, Pledge
from tickets.registry.queries import pledges_on


@dataclass(frozen=True, slots=True)
class Rank:
    """One pledge of a row of ranks: what it holds now and what it still waits for."""

    pledge: Pledge
    standing_kg: int
    waiting_kg: int

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it stands and nothing waits."""
        return not (self.standing_kg or self.waiting_kg)


# From the pledge up to the first rank, then down to the last. What entered is what its blocks took
# over from others, whatever became of it later.
_RANKS = """
WITH RECURSIVE up AS (
  SELECT cause_id, behind_id FROM registry_pledge WHERE cause_id = %s
  UNION ALL
  SELECT before.cause_id, before.behind_id FROM registry_pledge AS before
  JOIN up ON before.cause_id = up.behind_id
), row_of_ranks (key, place) AS (
  SELECT cause_id, 1 FROM up WHERE behind_id IS NULL
  UNION ALL
  SELECT after.cause_id, place + 1 FROM registry_pledge AS after
  JOIN row_of_ranks ON after.behind_id = row_of_ranks.key
)
SELECT key,
       (SELECT coalesce(sum(upper(kg) - lower(kg)), 0)::bigint FROM registry_block
        WHERE because_id = key AND closed_by_id IS NULL),
       registry_entered_kg(key),
       EXISTS (SELECT FROM registry_pledgewaiver WHERE pledge_id = key)
FROM row_of_ranks ORDER BY place
"""


def ranks_of(pledge: Pledge) -> list[Rank]:
    """The whole row of ranks that the pledge belongs to, the first first.

    A later rank waits while one before it still holds something; what a court, an enforcement or a
    reversal took from that one comes to nobody.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RANKS, [pledge.pk])
        rows = cursor.fetchall()
    pledges = Pledge.objects.select_related("ticket", "pledgee").in_bulk([row[0] for row in rows])
    found: list[Rank] = []
    secured = False
    for key, standing_kg, entered_kg, waived in rows:
        one = pledges[key]
        waits = secured and not waived
        found.append(Rank(one, standing_kg, one.quantity_kg - entered_kg if waits else 0))
        secured = secured or standing_kg > 0
    return found


# What each pledge had taken over from others by the moment, as registry_entered_kg() tells of now.
_WAITING = """
WITH RECURSIVE up AS (
  SELECT cause_id AS key, behind_id AS before FROM registry_pledge
  WHERE cause_id = ANY(%(pledges)s) AND behind_id IS NOT NULL
  UNION ALL
  SELECT up.key, pledge.behind_id FROM up JOIN registry_pledge AS pledge ON pledge.cause_id = up.before
  WHERE pledge.behind_id IS NOT NULL
)
SELECT pledge.cause_id FROM registry_pledge AS pledge
WHERE EXISTS (
    SELECT FROM up JOIN registry_block AS block ON block.because_id = up.before
    WHERE up.key = pledge.cause_id AND block.opened_at <= %(at)s
      AND (block.closed_at IS NULL OR block.closed_at > %(at)s))
  AND NOT EXISTS (
    SELECT FROM registry_pledgewaiver WHERE pledge_id = pledge.cause_id AND made_at <= %(at)s)
  AND pledge.quantity_kg > (
    SELECT coalesce(sum(upper(became.kg * was.kg) - lower(became.kg * was.kg)), 0)
    FROM registry_block AS became
    JOIN registry_block AS was ON was.closed_by_id = became.opened_by_id AND was.kg && became.kg
     AND was.issuance_id = became.issuance_id AND was.because_id IS DISTINCT FROM became.because_id
    WHERE became.because_id = pledge.cause_id AND became.opened_at <= %(at)s)
"""


def waiting_at(pledges: Iterable[uuid.UUID], at: datetime) -> set[uuid.UUID]:
    """Which of the pledges still waited for something at a moment: they came later, one before them
    held something then, and not all that they were registered for had entered. One query for all."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"pledges": list(pledges), "at": at})
        return {key for (key,) in cursor.fetchall()}


def ranks_on(ticket: CarbonTicket) -> list[Rank]:
    """Of every pledge of the ticket, each row of ranks being read once."""
    found: dict[uuid.UUID, Rank] = {}
    pledges = list(pledges_on(ticket))
    for pledge in pledges:
        if pledge.pk not in found:
            found |= {rank.pledge.pk: rank for rank in ranks_of(pledge)}
    return [found[pledge.pk] for pledge in pledges]


def rank_of(pledge: Pledge) -> Rank:
    """The pledge's own."""
    return next(rank for rank in ranks_of(pledge) if rank.pledge.pk == pledge.pk)


def before_it(behind: Pledge) -> Rank | None:
    """Whom a newcomer behind this pledge would wait for: the last that has not ended, up to it."""
    found: Rank | None = None
    for rank in ranks_of(behind):
        found = found if rank.has_ended else rank
        if rank.pledge.pk == behind.pk:
            break
    return found


def next_to_enter(pledge: Pledge) -> Rank | None:
    """Who gets what the pledge gives back: the next that has not ended, if it waits for anything."""
    ranks = ranks_of(pledge)
    place = next(at for at, rank in enumerate(ranks) if rank.pledge.pk == pledge.pk)
    follower = next((rank for rank in ranks[place + 1 :] if not rank.has_ended), None)
    return follower if follower is not None and follower.waiting_kg else None
