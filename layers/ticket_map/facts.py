"""What everyone may know of a ticket besides its tonnes (domain.md, "What the public may see").

Which project and land, township, species, holders. What becomes of its tonnes changes none of it: the
facts have a version of their own (``facts_version``).
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache

from django.db import connection
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Party
from portal.base.clock import CITY_TIME

HOLDER_KINDS = {
    "person": _("自然人"),
    "legal_body": _("法人"),
    "collective": _("集体"),
    "name_only": _("仅知名称"),
    "several": _("多人共有"),
}
_BETWEEN_SPECIES = re.compile(r"[、，,;；/\s]+")
_FACTS = """
WITH land AS (
  SELECT title.application_id AS application,
         mode() WITHIN GROUP (ORDER BY nullif(parcel.township_code, '')) AS township,
         string_agg(DISTINCT nullif(certificate.species, ''), '、') AS species
  FROM projects_applicationtitle AS title
  JOIN parcels_titlecertificate AS certificate ON certificate.id = title.certificate_id
  JOIN parcels_right AS held ON held.certificate_id = certificate.id
  JOIN parcels_parcel AS parcel ON parcel.id = held.parcel_id
  GROUP BY title.application_id
), holder AS (
  -- Of a closed ticket: whose it was at the end.
  SELECT share.ticket_id, count(*) AS n,
         (array_agg(party.kind ORDER BY share.place))[1] AS kind,
         (array_agg(party.name ORDER BY share.place))[1] AS name
  FROM registry_ticketshare AS share
  JOIN registry_carbonticket AS ticket ON ticket.key = share.ticket_id
  JOIN accounts_party AS party ON party.id = share.party_id
  WHERE share.closed_by_id IS NULL OR share.closed_by_id = ticket.closed_by_id
  GROUP BY share.ticket_id
)
SELECT ticket.key, ticket.number, issuance.key, version.key, ticket.opened_at, ticket.year, project.number,
       project.type, filing.number, lower(filing.period), upper(filing.period) - 1,
       version.area_m2, coalesce(land.township, ''), coalesce(land.species, ''),
       coalesce(holder.kind, ''), coalesce(holder.n, 0), coalesce(holder.name, ''),
       bought.price_fen_per_tonne,
       ST_X(place.geom), ST_Y(place.geom),
       ST_XMin(version.geom_public), ST_YMin(version.geom_public),
       ST_XMax(version.geom_public), ST_YMax(version.geom_public)
FROM registry_carbonticket AS ticket
JOIN parcels_projectareaversion AS version ON version.id = ticket.area_version_id
JOIN registry_issuance AS issuance ON issuance.id = ticket.issuance_id
JOIN projects_filing AS filing ON filing.id = issuance.filing_id
JOIN projects_application AS application ON application.id = filing.application_id
JOIN projects_project AS project ON project.id = application.project_id
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(version.geom_public) AS geom) AS place
LEFT JOIN land ON land.application = application.id
LEFT JOIN holder ON holder.ticket_id = ticket.key
LEFT JOIN market_trade AS bought ON bought.entry_id = ticket.opened_by_id
WHERE version.geom_public IS NOT NULL
ORDER BY ticket.year, ticket.serial
"""
# Owners' order and names change on a ticket by registration (article 10): how it stood after each.
_HOLDERS = """
WITH moment AS (
  SELECT ticket_id, opened_at AS since FROM registry_ticketshare
  UNION
  SELECT share.ticket_id, former.ended_at FROM registry_formername AS former
  JOIN registry_ticketshare AS share ON share.party_id = former.party_id
   AND share.opened_at <= former.ended_at
   AND (share.closed_at IS NULL OR share.closed_at > former.ended_at)
), changed AS (
  SELECT ticket_id FROM moment GROUP BY ticket_id HAVING count(*) > 1
)
SELECT moment.ticket_id, moment.since,
       (array_agg(party.kind ORDER BY share.place))[1], count(*),
       (array_agg(coalesce(former.name, party.name) ORDER BY share.place))[1]
FROM changed
JOIN moment ON moment.ticket_id = changed.ticket_id
JOIN registry_ticketshare AS share ON share.ticket_id = moment.ticket_id
 AND share.opened_at <= moment.since
 AND (share.closed_at IS NULL OR share.closed_at > moment.since)
JOIN accounts_party AS party ON party.id = share.party_id
LEFT JOIN LATERAL (
  SELECT name FROM registry_formername AS called
  WHERE called.party_id = party.id AND called.ended_at > moment.since
  ORDER BY called.ended_at LIMIT 1
) AS former ON true
GROUP BY moment.ticket_id, moment.since ORDER BY moment.ticket_id, moment.since
"""

# Tickets are numbered without gaps; shares that close and parties that change are counted by the
# triggers of layers/migrations. Numbers alone would come again in a restored register.
_VERSION = """
SELECT (SELECT coalesce(sum(last), 0) FROM registry_ticketcounter) + coalesce(sum(changes), 0),
       coalesce(max(id), 0),
       coalesce((SELECT left(key::text, 8) FROM registry_carbonticket
                 ORDER BY year DESC, serial DESC LIMIT 1), '')
FROM layers_shapechange WHERE layer = 'facts'
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a ticket was from a moment on, as everyone may know it."""

    since: datetime
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """One ticket, as everyone may know it. Degrees are of the generalised outline."""

    key: uuid.UUID
    number: str
    area: uuid.UUID  # Of the ticket's issuance: the identifier of tile and feature.
    land: uuid.UUID  # Of the shape, which issuances of several periods may share.
    issued_on: date
    year: int
    project: str
    type: str
    filing: str
    period_start: date
    period_end: date
    area_ha: float  # To 0.1 ha: an exact area would help to find the exact line.
    township: str
    species: tuple[str, ...]
    holder_kind: str
    holder: str
    holders: tuple[Holder, ...]  # One after the other, where they changed; else none.
    price_fen: int | None  # Per tonne, in the trade that made the ticket.
    lon: float
    lat: float
    bbox: tuple[float, float, float, float]

    def as_of(self, at: datetime) -> TicketFacts:
        """With the holder of that moment."""
        then = [one for one in self.holders if one.since <= at]
        return replace(self, holder=then[-1].name, holder_kind=then[-1].kind) if then else self


def masked(kind: str, n: int, name: str) -> tuple[str, str]:
    """(kind, name) of the first holder, natural persons as 张*; how many there are when several."""
    shown = Party(kind=kind, name=name).public_name
    return (kind, shown) if n < 2 else ("several", _("{name}等 {n} 人").format(name=shown, n=n))


def facts_version() -> str:
    """Changes with a new ticket, an owner's change and a party's, not with tonnes that move."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSION)
        return "-".join(map(str, cursor.fetchone()))


def ticket_facts(at: datetime | None = None) -> list[TicketFacts]:
    """Every ticket that was ever issued, in the order of numbers; held as now, or as of a moment."""
    found = _facts_in(facts_version(), get_language() or "")
    return [one if at is None else one.as_of(at) for one in found]


@lru_cache(maxsize=4)
def _facts_in(version: str, language: str) -> tuple[TicketFacts, ...]:
    """Read once for each version, in each language of the words in them."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS)
        holders: dict[uuid.UUID, list[Holder]] = defaultdict(list)
        for ticket, since, *whose in cursor.fetchall():
            holders[ticket].append(Holder(since, *masked(*whose)))
        cursor.execute(_FACTS)
        return tuple(_facts_of(tuple(holders.get(row[0], ())), *row) for row in cursor.fetchall())


def _facts_of(
    holders: tuple[Holder, ...], key: uuid.UUID, number: str, area: uuid.UUID, land: uuid.UUID,
    opened_at: datetime, year: int, project: str, type: str, filing: str, first: date, last: date, area_m2: float,
    township: str, species: str, kind: str, owners: int, name: str, price_fen: int | None,
    lon: float, lat: float, *bbox: float,
) -> TicketFacts:  # fmt: skip
    west, south, east, north = (round(value, 5) for value in bbox)
    holder_kind, holder = masked(kind, owners, name)
    return TicketFacts(
        key=key,
        number=number,
        area=area,
        land=land,
        issued_on=opened_at.astimezone(CITY_TIME).date(),
        year=year,
        project=project,
        type=type,
        filing=filing,
        period_start=first,
        period_end=last,
        area_ha=round(area_m2 / 10_000, 1),
        township=township,
        species=tuple(dict.fromkeys(one for one in _BETWEEN_SPECIES.split(species) if one)),
        holder_kind=holder_kind,
        holder=holder,
        holders=holders,
        price_fen=price_fen,
        lon=round(lon, 5),
        lat=round(lat, 5),
        bbox=(west, south, east, north),
    )
