-- The right's last day is behind us.
SELECT candidate.n, 'expired', NULL::geometry, NULL::float8, NULL::float8, '', NULL::uuid, '',
       json_build_object('ended_on', candidate.term_ends_on)
FROM candidate
WHERE candidate.term_ends_on < %(today)s::date
