"""Letters of every script tell two documents' numbers apart; a closing 号 does not."""

from django.db import migrations

KEY = """
-- One spelling of a document's number: letters and digits alone, with what stands between two digits as
-- a dash{unclosed}.
CREATE OR REPLACE FUNCTION registry_number_key(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
  SELECT upper(regexp_replace(
    regexp_replace(normalize(said, NFKC), '[^{letters}]+', '-', 'g'),
    '(?<![0-9])-|-(?![0-9]){closing}', '', 'g'))
$$;
REINDEX INDEX registration_by_confirmation;
"""
# Han stands by itself: a cluster of the plain C locale knows no other letters than Latin ones.
OF_EVERY_SCRIPT = KEY.format(
    unclosed=" and without a closing 号", letters="[:alnum:]一-鿿", closing="|号-?$"
)
OF_LATIN_AND_HAN = KEY.format(unclosed="", letters="0-9A-Za-z一-鿿", closing="")


class Migration(migrations.Migration):
    dependencies = [("registry", "0045_acts_are_what_was_asked")]
    operations = [migrations.RunSQL(OF_EVERY_SCRIPT, OF_LATIN_AND_HAN)]
