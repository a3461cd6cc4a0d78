"""Who ceases is registered with its successor, whether a ticket passes or not (article 10)."""

import django.db.models.deletion
from django.db import migrations, models

RECORDED = """
-- Whether a registration says this succession: by itself, or as the merger by which a ticket passed.
CREATE FUNCTION registry_says_succession(
  wanted registry_registration, passed registry_partysuccession) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT wanted.state = 'approved' AND wanted.document_number = passed.document_number
    AND CASE wanted.kind
      WHEN 'succession' THEN
        (wanted.former_id, wanted.successor_id, wanted.effective_on)
          = (passed.former_id, passed.successor_id, passed.effective_on)
        AND passed.effective_on <= (passed.made_at AT TIME ZONE 'Asia/Shanghai')::date
      WHEN 'merger' THEN
        EXISTS (SELECT FROM registry_ticketshare
                WHERE ticket_id = wanted.ticket_id AND party_id = passed.former_id)
        AND EXISTS (SELECT FROM registry_allotment AS part
                    JOIN registry_allotmentshare AS share ON share.allotment_id = part.id
                    WHERE part.registration_id = wanted.id AND share.party_id = passed.successor_id)
      ELSE false END
$$;

-- Nobody steps into a place that was left, so that no line of successors runs in a circle. One after the
-- other: of two at once neither would see the other's row.
CREATE FUNCTION registry_successor_stands() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('registry_succession', 0));
  IF EXISTS (SELECT FROM registry_partysuccession WHERE former_id = NEW.successor_id) THEN
    PERFORM registry_refuse('successor_stands_itself', '23514', 'the successor was succeeded itself');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER successor_stands_itself BEFORE INSERT ON registry_partysuccession
FOR EACH ROW EXECUTE FUNCTION registry_successor_stands();

-- At the end of the transaction, when the request is approved.
CREATE FUNCTION registry_succession_is_registered() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM registry_registration AS wanted
                 WHERE wanted.id = NEW.registration_id AND registry_says_succession(wanted, NEW)) THEN
    PERFORM registry_refuse('succession_is_registered', '23514', 'no such succession was approved');
  END IF;
  IF EXISTS (SELECT FROM accounts_mandate WHERE party_id = NEW.former_id
               AND ended_at IS NULL AND given_at <= NEW.made_at) THEN
    PERFORM registry_refuse('own_people_act_no_more', '23514', 'a mandate of the former one stands');
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER succession_is_registered AFTER INSERT ON registry_partysuccession
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_succession_is_registered();
"""
UNRECORDED = """
DROP TRIGGER succession_is_registered ON registry_partysuccession;
DROP FUNCTION registry_succession_is_registered();
DROP TRIGGER successor_stands_itself ON registry_partysuccession;
DROP FUNCTION registry_successor_stands();
DROP FUNCTION registry_says_succession(registry_registration, registry_partysuccession);
"""

# Once for each entry: whose ticket is corrected, reissued or divided keeps it until it passes.
RECEIVING = """
CREATE FUNCTION registry_receivers_stand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  ceased jsonb;
BEGIN
  SELECT jsonb_build_object('name', former.name, 'successor', successor.name) INTO ceased
  FROM opened
  JOIN registry_partysuccession AS passed ON passed.former_id = opened.party_id
  JOIN registry_ledgerentry AS entry ON entry.id = opened.opened_by_id
  JOIN accounts_party AS former ON former.id = passed.former_id
  JOIN accounts_party AS successor ON successor.id = passed.successor_id
  WHERE entry.kind IN ('transfer', 'court', 'trade', 'enforce') LIMIT 1;
  IF ceased IS NOT NULL THEN
    PERFORM registry_refuse('nothing_passes_to_who_ceased', '23514', 'the party has ceased', ceased);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER nothing_passes_to_who_ceased AFTER INSERT ON registry_ticketshare
REFERENCING NEW TABLE AS opened FOR EACH STATEMENT EXECUTE FUNCTION registry_receivers_stand();
"""
RECEIVING_BEFORE = """
DROP TRIGGER nothing_passes_to_who_ceased ON registry_ticketshare;
DROP FUNCTION registry_receivers_stand();
"""

# As before (0022), the parties of a succession and who took a party's place being parties too.
_ACTED_IN = """
CREATE OR REPLACE FUNCTION registry_acted_in(person bigint, of_registration bigint, at timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- Most officers act for nobody.
  IF NOT EXISTS (SELECT FROM accounts_mandate WHERE user_id = person) THEN
    RETURN false;
  END IF;
  RETURN EXISTS (
    SELECT FROM registry_registration AS matter
    CROSS JOIN LATERAL (
      SELECT party_id FROM registry_ticketshare
      WHERE ticket_id = matter.ticket_id AND closed_by_id IS NULL
      UNION ALL
      SELECT share.party_id FROM registry_allotment AS part
      JOIN registry_allotmentshare AS share ON share.allotment_id = part.id
      WHERE part.registration_id = matter.id
      UNION ALL
      SELECT matter.pledgee_id
      UNION ALL
      SELECT pledgee_id FROM registry_pledge WHERE cause_id = matter.pledge_id
      UNION ALL
      SELECT share.party_id FROM registry_ledgerentry AS first
      JOIN registry_ticketshare AS share ON share.opened_by_id = first.id
      WHERE first.issuance_id = matter.issuance_id AND first.seq = 1{parties}
    ) AS place
    JOIN accounts_mandate AS mandate ON mandate.party_id {places}
    WHERE matter.id = of_registration
      AND mandate.user_id = person AND mandate.given_at <= at
      AND coalesce(mandate.ended_at, 'infinity') > at
      AND (at AT TIME ZONE 'Asia/Shanghai')::date
          BETWEEN mandate.valid_from AND coalesce(mandate.valid_to, 'infinity'));
END $$;
"""
ACTED_IN = _ACTED_IN.format(
    parties="""
      UNION ALL
      SELECT unnest(ARRAY[matter.former_id, matter.successor_id])""",
    places="IN (place.party_id, registry_successor(place.party_id, at))",
)
ACTED_IN_BEFORE = _ACTED_IN.format(parties="", places="= place.party_id")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_proposed_numbers_are_erased"),
        ("registry", "0042_owners_and_takers_of_one_deal"),
    ]

    operations = [
        migrations.AddField(
            model_name="partysuccession",
            name="registration",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="succession",
                to="registry.registration",
            ),
        ),
        migrations.AddField(
            model_name="registration",
            name="former",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="registration",
            name="successor",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="ticketrequest",
            name="successor",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.party",
            ),
        ),
        migrations.AlterField(
            model_name="registration",
            name="kind",
            field=models.CharField(
                choices=[
                    ("issue", "制发碳票"),
                    ("sale", "买卖转移"),
                    ("gift", "赠与转移"),
                    ("inheritance", "继承转移"),
                    ("merger", "公司合并转移"),
                    ("company_division", "公司分立转移"),
                    ("court", "司法裁判转移"),
                    ("divide", "碳票分割"),
                    ("pledge", "质押登记"),
                    ("release", "解押登记"),
                    ("enforce", "实现质权"),
                    ("freeze", "冻结"),
                    ("lift", "解冻"),
                    ("cancel", "核减注销"),
                    ("loss", "挂失"),
                    ("settle", "挂失异议处理"),
                    ("reissue", "补发"),
                    ("correct", "更正"),
                    ("change", "权利人信息或共有性质变更"),
                    ("renumber", "权利人证件号码变更"),
                    ("close", "用尽注销"),
                    ("end_claim", "终止土地占用"),
                    ("succession", "主体承继"),
                ],
                max_length=16,
                verbose_name="事项",
            ),
        ),
        migrations.AlterField(
            model_name="ticketrequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("issue", "制发碳票"),
                    ("sale", "买卖转移"),
                    ("gift", "赠与转移"),
                    ("inheritance", "继承转移"),
                    ("merger", "公司合并转移"),
                    ("company_division", "公司分立转移"),
                    ("court", "司法裁判转移"),
                    ("divide", "碳票分割"),
                    ("pledge", "质押登记"),
                    ("release", "解押登记"),
                    ("enforce", "实现质权"),
                    ("freeze", "冻结"),
                    ("lift", "解冻"),
                    ("cancel", "核减注销"),
                    ("loss", "挂失"),
                    ("settle", "挂失异议处理"),
                    ("reissue", "补发"),
                    ("correct", "更正"),
                    ("change", "权利人信息或共有性质变更"),
                    ("renumber", "权利人证件号码变更"),
                    ("close", "用尽注销"),
                    ("end_claim", "终止土地占用"),
                    ("succession", "主体承继"),
                ],
                max_length=16,
                verbose_name="事项",
            ),
        ),
        migrations.AddConstraint(
            model_name="registration",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("document_sha256__isnull", False),
                        ("effective_on__isnull", False),
                        ("former__isnull", False),
                        ("kind", "succession"),
                        ("successor__isnull", False),
                        models.Q(("document_number", ""), _negated=True),
                        models.Q(("former", models.F("successor")), _negated=True),
                    ),
                    models.Q(
                        models.Q(("kind", "succession"), _negated=True),
                        ("former__isnull", True),
                        ("successor__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="succession_stands_on_a_document",
            ),
        ),
        migrations.RunSQL(RECORDED, UNRECORDED),
        migrations.RunSQL(RECEIVING, RECEIVING_BEFORE),
        migrations.RunSQL(ACTED_IN, ACTED_IN_BEFORE),
    ]
