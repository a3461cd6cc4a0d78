"""The joins of a takeover over the staged file (see ``matching``): land, then each unique number.

Land is compared in the database by ``judge_titles``, whose outcome the guard of verified titles
(``verified_titles_do_not_conflict``) reads; what was not judged so it compares itself. So nothing that
these joins miss can come in, it would only refuse the whole file.
"""

from __future__ import annotations

# The certificates of the file that may be verified, with all parcels under them.
STOCK = """
CREATE TEMP TABLE stock ON COMMIT DROP AS
SELECT held.certificate, held.parcel, held.kinds, certificate.number_key, parcel.unit_number_key
FROM (
  SELECT certificate_id AS certificate, parcel_id AS parcel, array_agg(DISTINCT kind) AS kinds
  FROM parcels_right WHERE certificate_id IN (SELECT certificate FROM titled)
  GROUP BY certificate_id, parcel_id
) AS held
JOIN parcels_titlecertificate AS certificate
  ON certificate.id = held.certificate AND certificate.state = 'registered'
JOIN parcels_parcel AS parcel ON parcel.id = held.parcel AND parcel.ended_at IS NULL;
ANALYZE stock;
CREATE TEMP TABLE clash (
  certificate bigint NOT NULL, parcel bigint NOT NULL, other bigint NOT NULL, because text NOT NULL,
  area_m2 float8, shape geometry
) ON COMMIT DROP;
"""

# A pair inside the file is a clash of both; against a verified title, of the newcomer alone.
CLASHES = """
INSERT INTO clash
SELECT side.certificate, side.parcel, side.other, 'overlap', pair.area_m2, pair.shape
FROM judge_titles(ARRAY(SELECT DISTINCT certificate FROM stock)) AS pair
CROSS JOIN LATERAL (
  VALUES (pair.certificate, pair.parcel, pair.other),
         (pair.other, pair.other_parcel, pair.certificate)
) AS side (certificate, parcel, other)
WHERE side.parcel IS NOT NULL;

-- One verified certificate of a number.
INSERT INTO clash
SELECT mine.certificate, min(mine.parcel), other.id, 'certificate_number'
FROM stock AS mine
JOIN parcels_titlecertificate AS other
  ON other.number_key = mine.number_key AND other.id <> mine.certificate
 AND (other.state = 'verified' OR other.id IN (SELECT certificate FROM stock))
GROUP BY mine.certificate, other.id;

-- One verified certificate on a parcel for each kind of right.
INSERT INTO clash
SELECT mine.certificate, mine.parcel, other.certificate, 'same_parcel'
FROM stock AS mine
JOIN stock AS other ON other.parcel = mine.parcel AND other.certificate <> mine.certificate
  AND other.kinds && mine.kinds
UNION
SELECT mine.certificate, mine.parcel, hold.certificate_id, 'same_parcel'
FROM stock AS mine
JOIN parcels_verifiedtitle AS hold ON hold.parcel_id = mine.parcel AND hold.ended_at IS NULL
  AND hold.kind = ANY (mine.kinds) AND hold.certificate_id <> mine.certificate;

-- One verified parcel of a unit number for each kind of right.
INSERT INTO clash
SELECT mine.certificate, mine.parcel, other.certificate, 'unit_number'
FROM stock AS mine
JOIN stock AS other ON other.unit_number_key = mine.unit_number_key AND other.unit_number_key <> ''
  AND other.parcel <> mine.parcel AND other.kinds && mine.kinds
UNION
SELECT mine.certificate, mine.parcel, hold.certificate_id, 'unit_number'
FROM stock AS mine
JOIN parcels_verifiedtitle AS hold ON hold.unit_number_key = mine.unit_number_key
  AND mine.unit_number_key <> '' AND hold.ended_at IS NULL AND hold.parcel_id <> mine.parcel
  AND hold.kind = ANY (mine.kinds);
ANALYZE clash;
"""

SOUND = """
CREATE TEMP TABLE sound ON COMMIT DROP AS
SELECT DISTINCT certificate FROM stock EXCEPT SELECT certificate FROM clash;
ANALYZE sound;
"""
COUNTS = """
SELECT (SELECT count(*) FROM sound), count(DISTINCT certificate), count(*) FROM clash
"""
VERIFY = """
UPDATE parcels_titlecertificate AS certificate SET state = 'verified', takeover_id = %(takeover)s
FROM sound WHERE certificate.id = sound.certificate
"""
KEEP_CLASHES = """
INSERT INTO parcels_takeoverconflict (takeover_id, certificate_id, parcel_id, other_id, because,
  area_m2, shape)
SELECT %(takeover)s, certificate, parcel, other, because, area_m2, shape
FROM clash ORDER BY certificate, other, because
"""
CLEAR = "DROP TABLE stock, clash, sound"
