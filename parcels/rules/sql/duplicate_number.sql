-- A unit number stands on one parcel, a certificate's number on one certificate (guarantee 2).
SELECT candidate.n,
       CASE WHEN hold.verified THEN 'unit_verified' ELSE 'unit_registered' END,
       NULL::geometry, NULL::float8, NULL::float8,
       'parcel', parcel.key, parcel.unit_number, json_build_object('number', parcel.unit_number)
FROM candidate
JOIN parcels_parcel AS parcel
  ON parcel.unit_number_key = candidate.unit_key AND parcel.unit_number_key > ''
 AND parcel.ended_at IS NULL AND parcel.id IS DISTINCT FROM candidate.parcel_id
CROSS JOIN LATERAL (
  SELECT EXISTS (SELECT FROM parcels_verifiedtitle AS standing
                 WHERE standing.parcel_id = parcel.id AND standing.ended_at IS NULL) AS verified
) AS hold
WHERE candidate.unit_key <> ''
UNION ALL
SELECT candidate.n,
       CASE WHEN certificate.state = 'verified' THEN 'certificate_verified'
            ELSE 'certificate_registered' END,
       NULL::geometry, NULL::float8, NULL::float8,
       'certificate', certificate.key, certificate.number,
       json_build_object('number', certificate.number)
FROM candidate
JOIN parcels_titlecertificate AS certificate
  ON certificate.number_key = candidate.certificate_key
 AND certificate.state IN ('registered', 'verified')
 AND certificate.id IS DISTINCT FROM candidate.certificate_id
WHERE candidate.certificate_key <> ''
