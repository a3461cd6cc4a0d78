"""Guarantee 2, the reviews: moves by the table, ended ones frozen, what is written once stays."""

from django.db import migrations

# As ``parcels.reviews.moves.MOVES`` had it when this was written; a test compares the two.
MOVES = (
    ("draft", "preparing"),
    ("returned", "preparing"),
    ("preparing", "returned"),
    ("preparing", "approving"),
    ("approving", "returned"),
    ("approving", "preparing"),
    ("approving", "verified"),
    ("approving", "rejected"),
    ("draft", "withdrawn"),
    ("preparing", "withdrawn"),
    ("returned", "withdrawn"),
)
ROWS = ", ".join(f"('{before}', '{after}')" for before, after in MOVES)

FORWARD = f"""
CREATE FUNCTION title_review_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.made_at := portal_now();
    NEW.state_changed_at := NEW.made_at;
    IF NEW.state <> 'draft' THEN
      RAISE EXCEPTION 'a review begins as a draft'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'title_review_moves_by_the_table',
              DETAIL = json_build_object('now', '', 'wanted', NEW.state)::text;
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state IN ('verified', 'rejected', 'withdrawn')
     OR NEW.id <> OLD.id OR NEW.key <> OLD.key OR NEW.certificate_id <> OLD.certificate_id
     OR NEW.because <> OLD.because OR NEW.made_by_id <> OLD.made_by_id
     OR NEW.made_at <> OLD.made_at OR NEW.request_reason <> OLD.request_reason
     OR (OLD.case_id IS NOT NULL AND NEW.case_id IS DISTINCT FROM OLD.case_id) THEN
    RAISE EXCEPTION 'a review that ended, or what it is about, was to be changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state <> OLD.state THEN
    IF (OLD.state, NEW.state) NOT IN ({ROWS}) THEN
      RAISE EXCEPTION 'a review does not move from % to %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'title_review_moves_by_the_table',
              DETAIL = json_build_object('now', OLD.state, 'wanted', NEW.state)::text;
    END IF;
    NEW.state_changed_at := portal_now();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER title_review_moves BEFORE INSERT OR UPDATE ON parcels_titlereview
FOR EACH ROW EXECUTE FUNCTION title_review_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON parcels_titlereview
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

-- A parcel under a verified title changes only by a new review.
CREATE FUNCTION verified_parcel_is_frozen() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM parcels_verifiedtitle WHERE parcel_id = OLD.id AND ended_at IS NULL) THEN
    RAISE EXCEPTION 'a parcel under a verified title is frozen'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'verified_parcel_is_frozen',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER verified_parcel_is_frozen BEFORE UPDATE OR DELETE ON parcels_parcel
FOR EACH ROW EXECUTE FUNCTION verified_parcel_is_frozen();

-- An answer to a neighbour is given once.
CREATE FUNCTION boundary_message_is_answered_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.answer <> ''
     OR (to_jsonb(NEW) - ARRAY['answer', 'answer_text', 'answered_by_id', 'answered_at', 'patch'])
        <> (to_jsonb(OLD) - ARRAY['answer', 'answer_text', 'answered_by_id', 'answered_at', 'patch'])
     OR NOT ST_OrderingEquals(NEW.patch, OLD.patch) THEN
    RAISE EXCEPTION 'a message was to be changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  NEW.answered_at := portal_now();
  RETURN NEW;
END $$;
CREATE TRIGGER boundary_message_is_answered_once BEFORE UPDATE ON parcels_boundarymessage
FOR EACH ROW EXECUTE FUNCTION boundary_message_is_answered_once();

SELECT portal_append_only('parcels_reviewshape');
SELECT portal_append_only('parcels_parcellineage');
SELECT portal_append_only('parcels_sidecheck');
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0012_title_reviews")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
