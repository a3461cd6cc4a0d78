-- A certificate's area against all that is mapped under it; 15 times too large looks like 亩.
SELECT certified.n,
       CASE WHEN abs(certified.ratio / 15 - 1) < 0.1 THEN 'looks_like_mu'
            WHEN abs(certified.ratio - 1) * 100 > %(area_reason_percent)s::float8 THEN 'reason'
            ELSE 'note' END,
       NULL::geometry, NULL::float8, NULL::float8, '', NULL::uuid, '',
       json_build_object('certified_ha', round((certified.area_m2_certified / 10000)::numeric, 4),
                         'mapped_ha', round((certified.area_m2 / 10000)::numeric, 4),
                         'percent', round(((certified.ratio - 1) * 100)::numeric, 1))
FROM (
  SELECT min(candidate.n) AS n, max(candidate.area_m2_certified) AS area_m2_certified,
         sum(candidate.area_m2) AS area_m2,
         max(candidate.area_m2_certified) / sum(candidate.area_m2) AS ratio
  FROM candidate
  WHERE candidate.area_m2_certified > 0 AND candidate.area_m2 > 0
  GROUP BY coalesce(candidate.certificate_id, -candidate.n)
) AS certified
WHERE abs(certified.ratio - 1) * 100 > %(area_note_percent)s::float8
