-- No area can be told from an invalid or empty shape; the place is where it goes wrong.
SELECT candidate.n,
       CASE WHEN ST_IsEmpty(candidate.raw) THEN 'empty' ELSE 'invalid' END,
       ST_SetSRID(fault.location, 4490), NULL::float8, NULL::float8,
       '', NULL::uuid, '', json_build_object('reason', fault.reason)
FROM candidate CROSS JOIN LATERAL ST_IsValidDetail(candidate.raw) AS fault
WHERE candidate.geom IS NULL
