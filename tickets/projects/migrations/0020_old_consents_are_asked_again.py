"""A consent that the party did not give itself carries nothing forward, however old it is (article 5).

0012 took such consents out of what was not submitted then; what was submitted may come back.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION projects_co_owners_agree() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  refused text;
BEGIN
  refused := CASE
    WHEN NOT EXISTS (SELECT FROM projects_applicationshare WHERE application_id = NEW.id)
         OR EXISTS (SELECT FROM projects_applicationshare
                    WHERE application_id = NEW.id
                      AND (consented_at IS NULL OR consented_to <> projects_terms(NEW.id)))
      THEN 'every_share_is_consented_to'
    {own_word}
    WHEN EXISTS (SELECT FROM projects_members_without_share(NEW.id))
      THEN 'every_member_with_land_has_a_share'
    WHEN EXISTS (SELECT FROM projects_applicationshare AS share
                 WHERE share.application_id = NEW.id AND share.party_id NOT IN (
                   SELECT party_id FROM casework_caseparty WHERE case_id = NEW.case_id))
      THEN 'co_owners_are_parties_of_the_case'
  END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'application % is not put forward: %', NEW.key, refused
      USING ERRCODE = 'check_violation', CONSTRAINT = refused, TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
"""
OWN_WORD = """WHEN EXISTS (SELECT FROM projects_applicationshare AS share
                 WHERE share.application_id = NEW.id AND NOT projects_may_consent(share))
      THEN 'consent_is_of_the_party'"""


def agree(own_word: str) -> str:
    return FUNCTION.replace("{own_word}", own_word)


class Migration(migrations.Migration):
    dependencies = [("projects", "0019_holders_are_known")]
    operations = [migrations.RunSQL(agree(OWN_WORD), agree(""))]
