-- A gap narrower than title.gap_width_m between this parcel and a neighbour of its compartment.
SELECT gap.n, 'gap', ST_Multi(ST_Collect(gap.shape)), sum(gap.area_m2),
       sum(gap.area_m2) / nullif(sum(gap.area_m2 / nullif(gap.mean_width_m, 0)), 0),
       'parcel', gap.key, gap.unit_number, json_build_object()
FROM (
  SELECT around.n, neighbour.key, neighbour.unit_number, lifted.shape,
         ST_Area(lifted.shape::geography) AS area_m2,
         2 * ST_Area(piece.geom) / nullif(ST_Perimeter(piece.geom), 0) AS mean_width_m
  FROM (
    SELECT candidate.n, candidate.compartment, candidate.parcel_id,
           ST_Expand(candidate.geom, %(title_gap_width_m)s::float8 / 70000) AS box,
           ST_Transform(candidate.geom, 4536) AS plane
    FROM candidate
    WHERE candidate.compartment <> '' AND candidate.geom IS NOT NULL
  ) AS around
  CROSS JOIN LATERAL (
    SELECT ST_Union(ST_Union(ST_Transform(version.geom, 4536), %(overlap_grid_m)s::float8),
                    around.plane, %(overlap_grid_m)s::float8) AS plane
    FROM parcels_parcelversion AS version
    WHERE version.geom && around.box
      AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
      AND version.parcel_id IS DISTINCT FROM around.parcel_id
  ) AS united
  CROSS JOIN LATERAL ST_Dump(ST_CollectionExtract(narrow_gaps(united.plane,
    %(title_gap_width_m)s::float8, %(overlap_grid_m)s::float8), 3)) AS piece
  CROSS JOIN LATERAL (SELECT ST_Transform(piece.geom, 4490) AS shape) AS lifted
  CROSS JOIN LATERAL (
    SELECT parcel.key, parcel.unit_number
    FROM parcels_parcelversion AS version
    JOIN parcels_parcel AS parcel ON parcel.id = version.parcel_id
    WHERE version.geom && ST_Expand(lifted.shape, 0.0000005)
      AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
      AND version.parcel_id IS DISTINCT FROM around.parcel_id
      AND parcel.county_code || parcel.township_code || '/' || parcel.compartment
          = around.compartment
      AND ST_DWithin(ST_Transform(version.geom, 4536), piece.geom, 0.01)
    ORDER BY parcel.id LIMIT 1
  ) AS neighbour
  WHERE ST_Area(piece.geom) > %(overlap_sliver_area_m2)s::float8
    AND ST_DWithin(around.plane, piece.geom, 0.01)
) AS gap
GROUP BY gap.n, gap.key, gap.unit_number
