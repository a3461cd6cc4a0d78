"""Guarantee 2: the shares of a verified right's holders are its whole, over one denominator."""

from django.db import migrations

# Rights are frozen once their certificate is verified, so one look at that moment is enough. It walks
# the index of rights by certificate, as the other guards of a takeover do (see the migration before).
FORWARD = """
CREATE FUNCTION shares_make_the_whole() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  newly bigint[] := ARRAY(SELECT id FROM now_is WHERE state = 'verified'
                          EXCEPT SELECT id FROM was WHERE state = 'verified');
  wrong record;
BEGIN
  SELECT held.shares, held.denominator INTO wrong
  FROM unnest(newly) AS one (id)
  CROSS JOIN LATERAL (
    SELECT sum(share_numerator) AS shares, max(share_denominator) AS denominator,
           min(share_denominator) AS least
    FROM parcels_right WHERE certificate_id = one.id GROUP BY parcel_id, kind OFFSET 0
  ) AS held
  WHERE held.shares <> held.denominator OR held.least <> held.denominator
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the shares of a right are not its whole'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'shares_of_a_right_make_the_whole',
            TABLE = 'parcels_right',
            DETAIL = json_build_object('sum', wrong.shares, 'of', wrong.denominator)::text;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER shares_make_the_whole AFTER UPDATE ON parcels_titlecertificate
REFERENCING OLD TABLE AS was NEW TABLE AS now_is
FOR EACH STATEMENT EXECUTE FUNCTION shares_make_the_whole();
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0016_titles_judged_in_order")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
