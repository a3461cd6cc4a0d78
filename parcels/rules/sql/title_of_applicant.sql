-- The verified tree owners of the land against the applicants, their collectives' members, and the
-- checked parties that imported names were linked to (article 5). A bare name proves nothing. Holders
-- are asked first: of hundreds of own titles none has to be cut.
SELECT found.n, found.level, land.shape, land.area_m2, land.mean_width_m,
       'certificate', certificate.key, certificate.number,
       json_build_object('number', certificate.number)
FROM (
  SELECT candidate.n, candidate.geom, candidate.sieve, hold.geom AS other_geom, hold.certificate_id,
         (SELECT CASE WHEN bool_or(NOT holder.is_applicant AND NOT holder.is_name) THEN 'other_holder'
                      WHEN bool_or(NOT holder.is_applicant) THEN 'unknown_holder' END
          FROM parcels_right AS held
          JOIN accounts_party AS named ON named.id = held.party_id
          LEFT JOIN accounts_partylink AS link
            ON link.name_only_id = named.id AND link.ended_at IS NULL
          CROSS JOIN LATERAL (
            SELECT coalesce(link.checked_id, named.id) AS id
          ) AS party
          CROSS JOIN LATERAL (
            SELECT named.kind = 'name_only' AND link.id IS NULL AS is_name,
                   party.id = ANY (%(applicants)s::bigint[])
                     OR EXISTS (SELECT FROM accounts_partymember AS membership
                                WHERE membership.member_id = party.id AND membership.ended_at IS NULL
                                  AND membership.collective_id = ANY (%(applicants)s::bigint[]))
                     AS is_applicant
          ) AS holder
          WHERE held.certificate_id = hold.certificate_id AND held.parcel_id = hold.parcel_id
            AND held.kind = hold.kind) AS level
  FROM candidate
  JOIN parcels_verifiedtitle AS hold
    ON hold.geom && candidate.geom AND hold.ended_at IS NULL AND hold.kind = 'tree_ownership'
  OFFSET 0
) AS found
CROSS JOIN LATERAL shared_land(found.geom, found.other_geom, %(overlap_grid_m)s::float8,
  %(overlap_sliver_area_m2)s::float8, %(overlap_sliver_halfwidth_m)s::float8) AS land
JOIN parcels_titlecertificate AS certificate ON certificate.id = found.certificate_id
WHERE found.level IS NOT NULL AND ST_Intersects(found.sieve, found.other_geom) AND NOT land.is_sliver
