-- Land that another parcel covers too (guarantee 2). The shape less a millimetre is compared first,
-- so that neighbours fall away; only what is left is cut out and judged part by part.
SELECT pair.n,
       CASE WHEN land.is_sliver THEN 'sliver'
            WHEN pair.same_right_verified THEN 'verified'
            WHEN pair.other_right_only THEN 'other_right'
            ELSE 'registered' END,
       land.shape, land.area_m2, land.mean_width_m,
       'parcel', parcel.key, coalesce(nullif(parcel.unit_number, ''), title.number, ''),
       json_build_object('certificate', title.number)
FROM (
  SELECT candidate.n, candidate.geom, version.geom AS other_geom, version.parcel_id,
         EXISTS (SELECT FROM parcels_verifiedtitle AS hold
                 WHERE hold.parcel_id = version.parcel_id AND hold.ended_at IS NULL
                   AND (candidate.right_kinds IS NULL OR hold.kind = ANY (candidate.right_kinds))
                ) AS same_right_verified,
         candidate.right_kinds IS NOT NULL
           AND EXISTS (SELECT FROM parcels_right AS held WHERE held.parcel_id = version.parcel_id)
           AND NOT EXISTS (SELECT FROM parcels_right AS held
                           WHERE held.parcel_id = version.parcel_id
                             AND held.kind = ANY (candidate.right_kinds)) AS other_right_only
  FROM candidate
  JOIN parcels_parcelversion AS version
    ON version.geom && candidate.geom
   AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
   AND version.parcel_id IS DISTINCT FROM candidate.parcel_id
   AND ST_Intersects(candidate.sieve, version.geom)
) AS pair
CROSS JOIN LATERAL shared_land(pair.geom, pair.other_geom, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land
JOIN parcels_parcel AS parcel ON parcel.id = pair.parcel_id
LEFT JOIN LATERAL (
  SELECT certificate.number
  FROM parcels_right AS held
  JOIN parcels_titlecertificate AS certificate ON certificate.id = held.certificate_id
  WHERE held.parcel_id = pair.parcel_id AND certificate.state IN ('registered', 'verified')
  ORDER BY certificate.state DESC, certificate.id LIMIT 1
) AS title ON true
