-- Land that two parcels of one certificate both cover: the guarantee allows it under none (guarantee 2).
SELECT one.n,
       CASE WHEN land.is_sliver THEN 'sliver' ELSE 'within' END,
       land.shape, land.area_m2, land.mean_width_m,
       'parcel', parcel.key, coalesce(nullif(parcel.unit_number, ''), parcel.id::text), '{}'::json
FROM candidate AS one
JOIN candidate AS other
  ON other.certificate_id = one.certificate_id AND other.n > one.n
 AND other.geom && one.geom AND ST_Intersects(one.sieve, other.geom)
 AND (one.right_kinds IS NULL OR other.right_kinds IS NULL OR one.right_kinds && other.right_kinds)
CROSS JOIN LATERAL shared_land(one.geom, other.geom, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land
JOIN parcels_parcel AS parcel ON parcel.id = other.parcel_id
