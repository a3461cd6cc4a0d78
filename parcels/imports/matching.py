"""The joins of an import: one staged batch against the register, each statement once a batch.

A feature is recognised by its unit number, or without one by its place. Equal within 1 mm is
unchanged; another shape becomes a newer version; what the register does not know is new.
"""

from __future__ import annotations

# 1 mm on the ellipsoid, in degrees of latitude; a degree of longitude is shorter, so less there.
MILLIMETRE_DEG = 9e-9

# A batch meets the register through its indexes. The tables grow inside this one transaction, where
# nobody counts them anew, so the planner would go on joining them whole as if they were small.
PLAN_FOR_BATCHES = """
SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
"""
PLAN_AS_USUAL = """
SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;
"""

STAGE = """
CREATE TEMP TABLE incoming (
  row int NOT NULL, new_parcel bigint, new_version bigint, new_certificate bigint, new_party bigint,
  unit_number text, unit_key text, certificate_number text, certificate_key text,
  certificate_kind text, holder text, county_code text, township_code text, village text,
  compartment text, subcompartment text, place_name text, area_m2_certified float8,
  term_ends_on date, stand_number text, land_class text, tenure text, forest_purpose text,
  origin text, forest_category text, species text, age_class text, mean_age_years numeric,
  mean_diameter_cm numeric, canopy_closure numeric, growing_stock_m3_per_ha numeric,
  geom geometry NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE matched (
  row int PRIMARY KEY, parcel bigint NOT NULL, version bigint, version_number int,
  same_shape boolean NOT NULL, verified boolean NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE titled (
  row int PRIMARY KEY, certificate bigint NOT NULL, made boolean NOT NULL
) ON COMMIT DROP;
"""
STAGED_COLUMNS = (
    "row, new_parcel, new_version, new_certificate, new_party, unit_number, unit_key, "
    "certificate_number, certificate_key, certificate_kind, holder, county_code, township_code, "
    "village, compartment, subcompartment, place_name, area_m2_certified, term_ends_on, "
    "stand_number, land_class, tenure, forest_purpose, origin, forest_category, species, "
    "age_class, mean_age_years, mean_diameter_cm, canopy_closure, growing_stock_m3_per_ha, geom"
)
STAGED_TYPES = (
    ["int4", "int8", "int8", "int8", "int8"]
    + ["text"] * 12
    + ["float8", "date"]
    + ["text"] * 8
    + ["numeric"] * 4
    + ["bytea"]  # geometry_recv takes the same bytes.
)

SAME_SHAPE = (
    "(ST_NPoints(version.geom) = ST_NPoints(incoming.geom) AND "
    f"ST_HausdorffDistance(version.geom, incoming.geom) <= {MILLIMETRE_DEG})"
)

# A number that occurs twice, in the file or in the register, is matched by equal shape first, and
# a shape of this very import is never taken for the former version of another of its features.
MATCH_BY_UNIT_NUMBER = f"""
WITH pair AS (
  SELECT incoming.row, parcel.id AS parcel, version.id AS version, version.number,
         {SAME_SHAPE} AS same_shape, version.record_id
  FROM incoming
  JOIN parcels_parcel AS parcel ON parcel.unit_number_key = incoming.unit_key
    AND parcel.unit_number_key > '' AND parcel.ended_at IS NULL
  JOIN parcels_parcelversion AS version ON version.parcel_id = parcel.id
    AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
  WHERE incoming.unit_key <> ''
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY row ORDER BY same_shape DESC, parcel) AS of_row,
         row_number() OVER (PARTITION BY parcel ORDER BY same_shape DESC, row) AS of_parcel
  FROM pair
  WHERE same_shape OR record_id IS DISTINCT FROM %(record)s
)
INSERT INTO matched
SELECT row, parcel, version, number, same_shape,
       EXISTS (SELECT FROM parcels_verifiedtitle AS hold
               WHERE hold.parcel_id = ranked.parcel AND hold.ended_at IS NULL)
FROM ranked WHERE of_row = 1 AND (same_shape OR of_parcel = 1)
"""

MATCH_BY_PLACE = f"""
INSERT INTO matched
SELECT DISTINCT ON (incoming.row) incoming.row, version.parcel_id, version.id, version.number, true,
       EXISTS (SELECT FROM parcels_verifiedtitle AS hold
               WHERE hold.parcel_id = version.parcel_id AND hold.ended_at IS NULL)
FROM incoming
JOIN parcels_parcelversion AS version ON version.geom && incoming.geom
  AND version.stands_from IS NOT NULL AND version.stands_to IS NULL AND {SAME_SHAPE}
WHERE incoming.unit_key = ''
ORDER BY incoming.row, version.parcel_id
"""

NEW_PARCELS = """
INSERT INTO parcels_parcel (id, key, unit_number, unit_number_key, county_code, township_code,
  village, compartment, subcompartment, place_name, made_at)
SELECT new_parcel, gen_random_uuid(), unit_number, unit_key, county_code, township_code,
  village, compartment, subcompartment, place_name, portal_now()
FROM incoming WHERE NOT EXISTS (SELECT FROM matched WHERE matched.row = incoming.row)
"""

CLOSE_FORMER_VERSIONS = """
UPDATE parcels_parcelversion AS version SET stands_to = portal_now()
FROM matched WHERE version.id = matched.version AND NOT matched.same_shape AND NOT matched.verified
"""

# On a verified title the new shape is a proposal: only a review lets it stand.
NEW_VERSIONS = """
INSERT INTO parcels_parcelversion (id, parcel_id, number, geom, because, record_id, made_by_id,
  stands_from)
SELECT incoming.new_version, coalesce(matched.parcel, incoming.new_parcel),
  coalesce((SELECT max(number) FROM parcels_parcelversion
            WHERE parcel_id = matched.parcel), 0) + 1,
  incoming.geom, 'import', %(record)s, %(actor)s,
  CASE WHEN coalesce(matched.verified, false) THEN NULL ELSE portal_now() END
FROM incoming LEFT JOIN matched USING (row)
WHERE matched.row IS NULL OR NOT matched.same_shape
"""

# A certificate is known when the parcel already has a right under that number and holder, or when
# this import made it a moment ago for another parcel. Equal holder names alone merge nothing.
KNOWN_CERTIFICATES = """
INSERT INTO titled
SELECT DISTINCT ON (incoming.row) incoming.row, certificate.id, false
FROM incoming JOIN matched USING (row)
JOIN parcels_right AS held ON held.parcel_id = matched.parcel
JOIN parcels_titlecertificate AS certificate ON certificate.id = held.certificate_id
  AND certificate.number_key = incoming.certificate_key
  AND certificate.state IN ('registered', 'verified')
JOIN accounts_party AS party ON party.id = held.party_id AND party.name = incoming.holder
WHERE incoming.certificate_key <> ''
ORDER BY incoming.row, certificate.id
"""
CERTIFICATES_OF_THIS_IMPORT = """
INSERT INTO titled
SELECT DISTINCT ON (incoming.row) incoming.row, certificate.id, true
FROM incoming
JOIN parcels_titlecertificate AS certificate
  ON certificate.number_key = incoming.certificate_key AND certificate.record_id = %(record)s
WHERE incoming.certificate_key <> ''
  AND NOT EXISTS (SELECT FROM titled WHERE titled.row = incoming.row)
  AND EXISTS (SELECT FROM parcels_right AS held JOIN accounts_party AS party
              ON party.id = held.party_id WHERE held.certificate_id = certificate.id
              AND party.name = incoming.holder)
ORDER BY incoming.row, certificate.id
"""
# One certificate and one holder, known by name only, for the rows of a batch that share both.
NEW_CERTIFICATES = """
WITH wanted AS (
  SELECT incoming.*, min(new_certificate) OVER same AS certificate, min(new_party) OVER same AS party,
         row_number() OVER (PARTITION BY certificate_key, holder ORDER BY row) AS place
  FROM incoming
  WHERE certificate_key <> '' AND holder <> ''
    AND NOT EXISTS (SELECT FROM titled WHERE titled.row = incoming.row)
  WINDOW same AS (PARTITION BY certificate_key, holder)
), parties AS (
  INSERT INTO accounts_party (id, key, kind, name, made_at)
  SELECT party, gen_random_uuid(), 'name_only', holder, portal_now() FROM wanted WHERE place = 1
), certificates AS (
  INSERT INTO parcels_titlecertificate (id, key, kind, number, number_key, state,
    area_m2_certified, term_ends_on, record_id, made_by_id)
  SELECT certificate, gen_random_uuid(), certificate_kind, certificate_number, certificate_key,
    'registered', area_m2_certified, term_ends_on, %(record)s, %(actor)s
  FROM wanted WHERE place = 1
)
INSERT INTO titled SELECT row, certificate, true FROM wanted
"""
NEW_RIGHTS = """
INSERT INTO parcels_right (certificate_id, parcel_id, kind, party_id, share_numerator,
  share_denominator)
SELECT titled.certificate, coalesce(matched.parcel, incoming.new_parcel), kind,
  coalesce((SELECT party_id FROM parcels_right AS other
            WHERE other.certificate_id = titled.certificate LIMIT 1),
           min(incoming.new_party) OVER (PARTITION BY titled.certificate)), 1, 1
FROM incoming JOIN titled USING (row) LEFT JOIN matched USING (row),
     unnest(%(kinds)s::text[]) AS kind
WHERE titled.made
ON CONFLICT DO NOTHING
"""

REPLACE_STANDS = f"""
UPDATE parcels_stand AS version SET replaced_at = portal_now()
FROM incoming
WHERE incoming.stand_number <> '' AND version.survey_year = %(year)s
  AND version.stand_number = incoming.stand_number AND version.replaced_at IS NULL
  AND NOT ({SAME_SHAPE} AND (version.species, version.land_class, version.tenure,
           version.forest_purpose, version.origin, version.forest_category, version.age_class)
         = (incoming.species, incoming.land_class, incoming.tenure, incoming.forest_purpose,
            incoming.origin, incoming.forest_category, incoming.age_class)
       AND (version.mean_age_years, version.mean_diameter_cm, version.canopy_closure,
            version.growing_stock_m3_per_ha)
         IS NOT DISTINCT FROM (incoming.mean_age_years, incoming.mean_diameter_cm,
            incoming.canopy_closure, incoming.growing_stock_m3_per_ha))
"""
NEW_STANDS = """
INSERT INTO parcels_stand (survey_year, stand_number, parcel_id, geom, land_class, tenure,
  forest_purpose, origin, forest_category, species, age_class, mean_age_years, mean_diameter_cm,
  canopy_closure, growing_stock_m3_per_ha, record_id, made_at)
SELECT DISTINCT ON (stand_number) %(year)s, stand_number,
  coalesce(matched.parcel, incoming.new_parcel), geom, land_class, tenure, forest_purpose, origin,
  forest_category, species, age_class, mean_age_years, mean_diameter_cm, canopy_closure,
  growing_stock_m3_per_ha, %(record)s, portal_now()
FROM incoming LEFT JOIN matched USING (row)
WHERE stand_number <> ''
ORDER BY stand_number, row
ON CONFLICT (survey_year, stand_number) WHERE replaced_at IS NULL DO NOTHING
"""

OUTCOMES = """
SELECT count(*) FILTER (WHERE matched.row IS NULL),
       count(*) FILTER (WHERE matched.row IS NOT NULL
                        AND (NOT matched.same_shape OR coalesce(titled.made, false))),
       count(*) FILTER (WHERE matched.same_shape AND NOT coalesce(titled.made, false))
FROM incoming LEFT JOIN matched USING (row) LEFT JOIN titled USING (row)
"""
PROPOSED = """
SELECT row, ST_X(place), ST_Y(place)
FROM incoming JOIN matched USING (row), ST_PointOnSurface(incoming.geom) AS place
WHERE matched.verified AND NOT matched.same_shape
"""
TWICE = """
SELECT row, unit_number, ST_X(place), ST_Y(place)
FROM (SELECT incoming.*, count(*) OVER (PARTITION BY unit_key) AS in_batch FROM incoming) AS incoming,
     ST_PointOnSurface(incoming.geom) AS place
WHERE unit_key <> '' AND NOT EXISTS (SELECT FROM matched WHERE matched.row = incoming.row)
  AND (in_batch > 1 OR EXISTS (
       SELECT FROM parcels_parcel AS parcel WHERE parcel.unit_number_key = incoming.unit_key AND parcel.unit_number_key > ''
         AND parcel.ended_at IS NULL AND parcel.id <> incoming.new_parcel))
"""
AREAS_DIFFER = """
SELECT incoming.row, area_m2, area_m2_certified, ST_X(place), ST_Y(place)
FROM incoming, ST_Area(geom::geography) AS area_m2, ST_PointOnSurface(geom) AS place
WHERE area_m2_certified > 0 AND abs(area_m2_certified / area_m2 - 1) > %(percent)s / 100.0
"""
