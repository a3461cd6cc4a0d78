"""Orchards (经济林) under a report's strata: the method version decides whether they count (domain.md)."""

from __future__ import annotations

from django.db import connection

from tickets.accounting.models import AccountingReport

ORCHARD = "25"  # 林种 of the forest inventory: 经济林.
# By the newest survey that found anything there; what is no more than a sliver is left out.
_UNDER = """
SELECT stratum.code, sum(land.area_m2)
FROM accounting_stratum AS stratum
CROSS JOIN LATERAL (
  SELECT max(stand.survey_year) AS year FROM parcels_stand AS stand
  WHERE stand.geom && stratum.geom AND stand.replaced_at IS NULL
    AND ST_Intersects(land_sieve(stratum.geom), stand.geom)
) AS newest
JOIN parcels_stand AS stand
  ON stand.geom && stratum.geom AND stand.replaced_at IS NULL AND stand.survey_year = newest.year
 AND starts_with(stand.forest_purpose, %(orchard)s)
CROSS JOIN LATERAL shared_land(stratum.geom, stand.geom, policy_number('overlap.grid_m'),
  policy_number('overlap.sliver_area_m2'), policy_number('overlap.sliver_halfwidth_m')) AS land
WHERE stratum.report_id = %(report)s AND NOT land.is_sliver
GROUP BY stratum.id, stratum.code ORDER BY stratum.id
"""


def orchards_under(report: AccountingReport) -> list[tuple[str, float]]:
    """(code of a stratum, m² of it that the inventory calls an orchard)."""
    with connection.cursor() as cursor:
        cursor.execute(_UNDER, {"report": report.pk, "orchard": ORCHARD})
        return [(code, float(area_m2)) for code, area_m2 in cursor.fetchall()]
