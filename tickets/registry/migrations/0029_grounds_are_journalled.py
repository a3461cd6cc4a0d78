"""The journal binds what no entry repeats: terms of pledges, orders, debts, face signatures, codes."""

from django.db import migrations

# Table, kind of subject, its key, and what of a row is bound; free text may be erased by law.
GROUNDS = (
    ("registry_pledge", "pledge", "cause_id", (
        "cause_id", "ticket_id", "pledgee_id", "rank", "behind_id", "quantity_kg", "amount_fen",
        "begins_on", "ends_on", "external_number")),
    ("registry_freezeorder", "freeze_order", "key", (
        "key", "kind", "issuance_id", "ticket_id", "quantity_kg", "authority", "document_number")),
    ("registry_cancellation", "cancellation", "cause_id", (
        "cause_id", "number", "issuance_id", "reason", "ordered_kg", "cancelled_kg", "authority",
        "document_number")),
    ("registry_debt", "debt", "key", ("key", "cancellation_id", "party_id", "quantity_kg")),
    ("registry_partysuccession", "succession", "former_id", (
        "former_id", "successor_id", "effective_on", "document_number")),
    ("registry_facesignature", "face_signature", "ticket_id", (
        "ticket_id", "quantity_kg", "issued_on", "algorithm", "key_id", "signature")),
)  # fmt: skip

FORWARD = """
CREATE FUNCTION registry_ground_sha256(ground jsonb, names text[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT encode(sha256(convert_to(jsonb_agg(ground -> name ORDER BY place)::text, 'UTF8')), 'hex')
  FROM unnest(names) WITH ORDINALITY AS wanted (name, place)
$$;

-- Arguments: kind of subject, the column of its key, the columns that are bound.
CREATE FUNCTION registry_ground_is_journalled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO journal_event (subject_kind, subject_key, seq, verb, facts, previous_hash, hash)
  VALUES (TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[1], 0, 'bound', jsonb_build_object(
            'sha256', registry_ground_sha256(to_jsonb(NEW), TG_ARGV[2:])), '', '');
  RETURN NULL;
END $$;

-- The codes of the tickets that an entry opened, which its content may not tell everyone.
CREATE FUNCTION registry_event_binds_codes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  codes text;
BEGIN
  SELECT string_agg(code, ' ' ORDER BY number) INTO codes FROM registry_carbonticket
  WHERE opened_by_id = (NEW.facts ->> 'entry')::bigint;
  IF codes IS NOT NULL THEN
    NEW.facts := NEW.facts || jsonb_build_object(
      'codes', encode(sha256(convert_to(codes, 'UTF8')), 'hex'));
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER events_bind_codes BEFORE INSERT ON journal_event
FOR EACH ROW WHEN (NEW.subject_kind = 'issuance' AND NEW.verb IN (
  'issue', 'transfer', 'divide', 'court', 'trade', 'enforce', 'reissue', 'correct'))
EXECUTE FUNCTION registry_event_binds_codes();
"""
BACKWARD = """
DROP TRIGGER events_bind_codes ON journal_event;
DROP FUNCTION registry_event_binds_codes();
DROP FUNCTION registry_ground_is_journalled();
DROP FUNCTION registry_ground_sha256(jsonb, text[]);
"""
# Rows of before are bound as they stand now.
JOURNALLED = """
INSERT INTO journal_event (subject_kind, subject_key, seq, verb, facts, previous_hash, hash)
SELECT '{kind}', {key}::text, 0, 'bound',
       jsonb_build_object('sha256', registry_ground_sha256(to_jsonb(ground), '{{{names}}}')), '', ''
FROM {table} AS ground ORDER BY {key};
CREATE TRIGGER ground_is_journalled AFTER INSERT ON {table}
FOR EACH ROW EXECUTE FUNCTION registry_ground_is_journalled('{kind}', '{key}', {quoted});
"""

# Last, because the rows of before are bound by hand.
BY_TRIGGERS = """
CREATE FUNCTION registry_refuse_binding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a row binds itself'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'grounds_bind_themselves', TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER grounds_bind_themselves BEFORE INSERT ON journal_event
FOR EACH ROW WHEN (NEW.verb = 'bound' AND pg_trigger_depth() = 0)
EXECUTE FUNCTION registry_refuse_binding();
"""
BY_NOBODY = """
DROP TRIGGER grounds_bind_themselves ON journal_event;
DROP FUNCTION registry_refuse_binding();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0028_sales_and_terms"),
        ("journal", "0006_seals_bind_how_many"),
    ]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        *(
            migrations.RunSQL(
                JOURNALLED.format(
                    table=table,
                    kind=kind,
                    key=key,
                    names=",".join(names),
                    quoted=", ".join(f"'{name}'" for name in names),
                ),
                f"DROP TRIGGER ground_is_journalled ON {table};",
            )
            for table, kind, key, names in GROUNDS
        ),
        migrations.RunSQL(BY_TRIGGERS, BY_NOBODY),
    ]
