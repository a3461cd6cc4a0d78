-- Smaller than title.min_area_m2.
SELECT candidate.n, 'small', NULL::geometry, candidate.area_m2, NULL::float8,
       '', NULL::uuid, '',
       json_build_object('area_m2', round(candidate.area_m2::numeric, 2),
                         'least_m2', %(title_min_area_m2)s::float8)
FROM candidate
WHERE candidate.area_m2 < %(title_min_area_m2)s::float8
