"""The joins of an import: the whole staged file against the register, each statement once.

A feature is recognised by its unit number, or without one by its place. Equal within 1 mm is
unchanged; another shape becomes a newer version; what the register does not know is new.
"""

from __future__ import annotations

# 1 mm on the ellipsoid, in degrees of latitude; a degree of longitude is shorter, so less there.
MILLIMETRE_DEG = 9e-9

# Ids are drawn as the rows come, so that rows can refer to each other before they are written.
STAGE = """
CREATE TEMP TABLE incoming (
  row int NOT NULL, label text, unit_number text, unit_key text, certificate_number text,
  certificate_key text, certificate_kind text, holder text, county_code text, township_code text,
  village text, compartment text, subcompartment text, place_name text, area_m2_certified float8,
  term_ends_on date, stand_number text, land_class text, tenure text, forest_purpose text,
  origin text, forest_category text, species text, age_class text, mean_age_years numeric,
  mean_diameter_cm numeric, canopy_closure numeric, growing_stock_m3_per_ha numeric,
  geom geometry NOT NULL,
  new_parcel bigint NOT NULL DEFAULT nextval('parcels_parcel_id_seq'),
  new_version bigint NOT NULL DEFAULT nextval('parcels_parcelversion_id_seq')
) ON COMMIT DROP;
CREATE TEMP TABLE matched (
  row int PRIMARY KEY, parcel bigint NOT NULL, version bigint, version_number int,
  same_shape boolean NOT NULL, verified boolean NOT NULL, waits boolean NOT NULL DEFAULT false
) ON COMMIT DROP;
CREATE TEMP TABLE titled (
  row int PRIMARY KEY, certificate bigint NOT NULL, party bigint, made boolean NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE stand_row (row int PRIMARY KEY, stand_number text NOT NULL) ON COMMIT DROP;
"""
STAGED_COLUMNS = (
    "row, label, unit_number, unit_key, certificate_number, certificate_key, certificate_kind, "
    "holder, county_code, township_code, village, compartment, subcompartment, place_name, "
    "area_m2_certified, term_ends_on, stand_number, land_class, tenure, forest_purpose, origin, "
    "forest_category, species, age_class, mean_age_years, mean_diameter_cm, canopy_closure, "
    "growing_stock_m3_per_ha, geom"
)
STAGED_TYPES = (
    ["int4"]
    + ["text"] * 13
    + ["float8", "date"]
    + ["text"] * 8
    + ["numeric"] * 4
    + ["bytea"]  # geometry_recv takes the same bytes.
)
# The planner must know how large the file is: nobody else counts a temporary table.
PREPARE = """
SET LOCAL work_mem = '64MB';
CREATE UNIQUE INDEX ON incoming (row);
ANALYZE incoming;
"""
CLEAR = "DROP TABLE incoming, matched, titled, stand_row"

SAME_SHAPE = (
    "(ST_NPoints(version.geom) = ST_NPoints(incoming.geom) AND (version.geom = incoming.geom OR "
    f"ST_HausdorffDistance(version.geom, incoming.geom) <= {MILLIMETRE_DEG}))"
)

# A number that occurs twice, in the file or in the register, is matched by equal shape first.
MATCH_BY_UNIT_NUMBER = f"""
WITH pair AS (
  SELECT incoming.row, parcel.id AS parcel, version.id AS version, version.number,
         {SAME_SHAPE} AS same_shape
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
COUNT_MATCHED = "ANALYZE matched"

# What an earlier import brought to verified land and waits there for a decision is not brought again;
# what was decided against, or overtaken by another shape, is.
WAITING = f"""
UPDATE matched SET waits = true
FROM incoming, parcels_parcelversion AS version
WHERE incoming.row = matched.row AND matched.verified AND NOT matched.same_shape
  AND version.parcel_id = matched.parcel AND version.stands_from IS NULL
  AND version.because = 'import' AND {SAME_SHAPE}
  AND version.number = (SELECT max(number) FROM parcels_parcelversion
                        WHERE parcel_id = matched.parcel AND stands_from IS NULL
                          AND because = 'import')
  AND NOT EXISTS (SELECT FROM parcels_parcelversion AS later
                  WHERE later.parcel_id = version.parcel_id AND later.number > version.number
                    AND later.stands_from IS NOT NULL)
  AND (NOT EXISTS (SELECT FROM parcels_reviewshape WHERE version_id = version.id)
       OR EXISTS (SELECT FROM parcels_reviewshape AS shown
                  JOIN parcels_titlereview AS review ON review.id = shown.review_id
                  WHERE shown.version_id = version.id
                    AND review.state IN ('draft', 'preparing', 'returned', 'approving')))
"""

NEW_PARCELS = """
INSERT INTO parcels_parcel (id, key, unit_number, unit_number_key, county_code, township_code,
  village, compartment, subcompartment, place_name, made_at)
SELECT new_parcel, gen_random_uuid(), unit_number, unit_key, county_code, township_code,
  village, compartment, subcompartment, place_name, portal_now()
FROM incoming LEFT JOIN matched USING (row) WHERE matched.row IS NULL
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
  CASE WHEN matched.row IS NULL THEN 1 ELSE
    (SELECT max(number) + 1 FROM parcels_parcelversion WHERE parcel_id = matched.parcel) END,
  incoming.geom, 'import', %(record)s, %(actor)s,
  CASE WHEN coalesce(matched.verified, false) THEN NULL ELSE portal_now() END
FROM incoming LEFT JOIN matched USING (row)
WHERE incoming.row >= %(start)s AND incoming.row < %(end)s
  AND (matched.row IS NULL OR NOT (matched.same_shape OR matched.waits))
"""

# A certificate is known when the parcel already has a right under that number and holder. Equal
# holder names alone merge nothing.
KNOWN_CERTIFICATES = """
INSERT INTO titled
SELECT DISTINCT ON (incoming.row) incoming.row, certificate.id, party.id, false
FROM incoming JOIN matched USING (row)
JOIN parcels_right AS held ON held.parcel_id = matched.parcel
JOIN parcels_titlecertificate AS certificate ON certificate.id = held.certificate_id
  AND certificate.number_key = incoming.certificate_key
  AND certificate.state IN ('registered', 'verified')
JOIN accounts_party AS party ON party.id = held.party_id AND party.name = incoming.holder
WHERE incoming.certificate_key <> ''
ORDER BY incoming.row, certificate.id
"""
# One certificate and one holder, known by name only, for the rows of the file that share both.
NEW_CERTIFICATES = """
WITH wanted AS (
  SELECT row, min(row) OVER (PARTITION BY certificate_key, holder) AS first_row
  FROM incoming LEFT JOIN titled USING (row)
  WHERE titled.row IS NULL AND certificate_key <> '' AND holder <> ''
), drawn AS MATERIALIZED (
  SELECT first_row, nextval('parcels_titlecertificate_id_seq') AS certificate,
         nextval('accounts_party_id_seq') AS party
  FROM wanted WHERE row = first_row
), parties AS (
  INSERT INTO accounts_party (id, key, kind, name, made_at)
  SELECT party, gen_random_uuid(), 'name_only', holder, portal_now()
  FROM drawn JOIN incoming ON incoming.row = drawn.first_row
), certificates AS (
  INSERT INTO parcels_titlecertificate (id, key, kind, number, number_key, state,
    area_m2_certified, term_ends_on, record_id, made_by_id)
  SELECT certificate, gen_random_uuid(), certificate_kind, certificate_number, certificate_key,
    'registered', area_m2_certified, term_ends_on, %(record)s, %(actor)s
  FROM drawn JOIN incoming ON incoming.row = drawn.first_row
)
INSERT INTO titled
SELECT wanted.row, drawn.certificate, drawn.party, true
FROM wanted JOIN drawn USING (first_row)
"""
NEW_RIGHTS = """
INSERT INTO parcels_right (certificate_id, parcel_id, kind, party_id, share_numerator,
  share_denominator)
SELECT titled.certificate, coalesce(matched.parcel, incoming.new_parcel), kind, titled.party, 1, 1
FROM incoming JOIN titled USING (row) LEFT JOIN matched USING (row),
     unnest(%(kinds)s::text[]) AS kind
WHERE titled.made
ON CONFLICT DO NOTHING
"""

# The first row of each stand's number, unless the register holds the stand as it is.
STANDS = f"""
INSERT INTO stand_row
SELECT incoming.row, incoming.stand_number
FROM (SELECT min(row) AS row FROM incoming WHERE stand_number <> '' GROUP BY stand_number) AS named
JOIN incoming USING (row)
LEFT JOIN parcels_stand AS version
  ON version.survey_year = %(year)s AND version.stand_number = incoming.stand_number
 AND version.replaced_at IS NULL
WHERE version.id IS NULL OR NOT (
  (version.species, version.land_class, version.tenure, version.forest_purpose, version.origin,
   version.forest_category, version.age_class)
    = (incoming.species, incoming.land_class, incoming.tenure, incoming.forest_purpose,
       incoming.origin, incoming.forest_category, incoming.age_class)
  AND (version.mean_age_years, version.mean_diameter_cm, version.canopy_closure,
       version.growing_stock_m3_per_ha)
    IS NOT DISTINCT FROM (incoming.mean_age_years, incoming.mean_diameter_cm,
       incoming.canopy_closure, incoming.growing_stock_m3_per_ha)
  AND {SAME_SHAPE});
ANALYZE stand_row;
"""
REPLACE_STANDS = """
UPDATE parcels_stand AS version SET replaced_at = portal_now()
FROM stand_row
WHERE version.survey_year = %(year)s AND version.stand_number = stand_row.stand_number
  AND version.replaced_at IS NULL
"""
NEW_STANDS = """
INSERT INTO parcels_stand (survey_year, stand_number, parcel_id, geom, land_class, tenure,
  forest_purpose, origin, forest_category, species, age_class, mean_age_years, mean_diameter_cm,
  canopy_closure, growing_stock_m3_per_ha, record_id, made_at)
SELECT %(year)s, incoming.stand_number,
  coalesce(matched.parcel, incoming.new_parcel), geom, land_class, tenure, forest_purpose, origin,
  forest_category, species, age_class, mean_age_years, mean_diameter_cm, canopy_closure,
  growing_stock_m3_per_ha, %(record)s, portal_now()
FROM stand_row JOIN incoming USING (row) LEFT JOIN matched USING (row)
WHERE incoming.row >= %(start)s AND incoming.row < %(end)s
"""

OUTCOMES = """
SELECT count(*) FILTER (WHERE matched.row IS NULL),
       count(*) FILTER (WHERE matched.row IS NOT NULL
                        AND (NOT (matched.same_shape OR matched.waits)
                             OR coalesce(titled.made, false))),
       count(*) FILTER (WHERE (matched.same_shape OR matched.waits)
                        AND NOT coalesce(titled.made, false))
FROM incoming LEFT JOIN matched USING (row) LEFT JOIN titled USING (row)
"""
PROPOSED = """
SELECT row, label, ST_X(place), ST_Y(place), count
FROM (SELECT row, label, geom, count(*) OVER () AS count
      FROM incoming JOIN matched USING (row)
      WHERE matched.verified AND NOT matched.same_shape ORDER BY row LIMIT %(kept)s) AS told,
     ST_PointOnSurface(told.geom) AS place
ORDER BY row
"""
# Named again in the file, or by another parcel of the register.
TWICE = """
SELECT told.row, told.label, ST_X(place), ST_Y(place), told.unit_number, told.count
FROM (
  SELECT incoming.row, count(*) OVER () AS count, incoming.label, incoming.unit_number
  FROM (SELECT row, label, unit_number, unit_key, new_parcel,
               count(*) OVER (PARTITION BY unit_key) AS in_file
        FROM incoming WHERE unit_key <> '') AS incoming
  LEFT JOIN matched USING (row)
  WHERE matched.row IS NULL
    AND (in_file > 1 OR EXISTS (
         SELECT FROM parcels_parcel AS parcel
         WHERE parcel.unit_number_key = incoming.unit_key AND parcel.unit_number_key > ''
           AND parcel.ended_at IS NULL AND parcel.id <> incoming.new_parcel))
  ORDER BY incoming.row LIMIT %(kept)s
) AS told
JOIN incoming ON incoming.row = told.row, ST_PointOnSurface(incoming.geom) AS place
ORDER BY told.row
"""
# The areas of new shapes are known already; others are measured here.
AREAS_DIFFER = """
SELECT told.row, told.label, ST_X(place), ST_Y(place), told.area_m2, told.area_m2_certified,
       told.looks_like_mu, told.count
FROM (
  SELECT measured.*, count(*) OVER (PARTITION BY looks_like_mu) AS count,
         row_number() OVER (PARTITION BY looks_like_mu ORDER BY row) AS place_in_kind
  FROM (
    SELECT incoming.row, incoming.label, mapped.area_m2, incoming.area_m2_certified,
           abs(incoming.area_m2_certified / mapped.area_m2 / 15 - 1) < 0.1 AS looks_like_mu
    FROM incoming
    LEFT JOIN parcels_parcelversion AS version ON version.id = incoming.new_version,
    LATERAL (SELECT coalesce(version.area_m2, ST_Area(incoming.geom::geography)) AS area_m2)
      AS mapped
    WHERE incoming.area_m2_certified > 0
      AND abs(incoming.area_m2_certified / mapped.area_m2 - 1)
          > (SELECT policy_number('area.reason_percent')) / 100.0
  ) AS measured
) AS told
JOIN incoming ON incoming.row = told.row, ST_PointOnSurface(incoming.geom) AS place
WHERE told.place_in_kind <= %(kept)s
ORDER BY told.row
"""

# What the register does not know yet, or knows elsewhere.
NEW_OUTLINES = """
SELECT incoming.row, incoming.label, ST_AsBinary(incoming.geom)
FROM incoming LEFT JOIN matched USING (row)
WHERE matched.row IS NULL OR NOT matched.same_shape
ORDER BY incoming.row LIMIT %(most)s
"""
