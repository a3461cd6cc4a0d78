-- Another certificate that holds the same right on the very parcel of the candidate (guarantee 2).
SELECT candidate.n, certificate.state,
       candidate.geom, candidate.area_m2, NULL::float8,
       'certificate', certificate.key, certificate.number,
       json_build_object('number', certificate.number)
FROM candidate
JOIN LATERAL (
  SELECT DISTINCT held.certificate_id AS id FROM parcels_right AS held
  WHERE held.parcel_id = candidate.parcel_id
    AND held.certificate_id IS DISTINCT FROM candidate.certificate_id
    AND (candidate.right_kinds IS NULL OR held.kind = ANY (candidate.right_kinds))
) AS rival ON true
JOIN parcels_titlecertificate AS certificate
  ON certificate.id = rival.id AND certificate.state IN ('registered', 'verified')
WHERE candidate.parcel_id IS NOT NULL
