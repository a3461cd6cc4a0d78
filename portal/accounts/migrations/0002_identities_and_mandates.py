"""Identity numbers of parties, their checks and scans, mandates, members, links, sessions."""

import uuid

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import portal.base.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_users_and_parties"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("sign_up", "注册"), ("password_reset", "重设密码")], max_length=20
                    ),
                ),
                ("source", models.BinaryField(max_length=32)),
                (
                    "made_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IdentityCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number_doubtful", models.BooleanField(default=False, verbose_name="号码存疑")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "待核验"),
                            ("accepted", "已通过"),
                            ("refused", "未通过"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                (
                    "asked_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="提交时间",
                    ),
                ),
                (
                    "decided_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="决定时间"),
                ),
                ("reason", models.TextField(blank=True, default="", verbose_name="理由")),
            ],
            options={
                "verbose_name": "身份核验",
                "verbose_name_plural": "身份核验",
            },
        ),
        migrations.CreateModel(
            name="IdentityDocument",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("identity", "身份证件"),
                            ("mandate", "授权委托书"),
                            ("evidence", "关联依据"),
                        ],
                        max_length=10,
                        verbose_name="类型",
                    ),
                ),
                ("sha256", models.BinaryField(max_length=32)),
                ("size_bytes", models.IntegerField()),
                ("media_type", models.CharField(max_length=40)),
                ("stored_path", models.CharField(max_length=120, unique=True)),
                (
                    "added_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
            ],
            options={
                "verbose_name": "证件材料",
                "verbose_name_plural": "证件材料",
            },
        ),
        migrations.CreateModel(
            name="Mandate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("all", "全部事项（含再委托）"),
                            ("apply", "申报与补正"),
                            ("dispose", "转让、质押、抵消等处分"),
                            ("view", "查看"),
                        ],
                        max_length=10,
                        verbose_name="事项",
                    ),
                ),
                ("valid_from", models.DateField(verbose_name="起")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="止")),
                (
                    "quantity_kg_max",
                    models.BigIntegerField(blank=True, null=True, verbose_name="处分上限（千克）"),
                ),
                (
                    "price_fen_per_tonne_min",
                    models.BigIntegerField(blank=True, null=True, verbose_name="最低价（分/吨）"),
                ),
                (
                    "given_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="终止时间")),
            ],
            options={
                "verbose_name": "委托",
                "verbose_name_plural": "委托",
            },
        ),
        migrations.CreateModel(
            name="PartyLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("evidence", models.TextField(verbose_name="依据")),
                (
                    "linked_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "主体关联",
                "verbose_name_plural": "主体关联",
            },
        ),
        migrations.CreateModel(
            name="PartyMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("share_numerator", models.IntegerField(verbose_name="份额")),
                ("share_denominator", models.IntegerField(verbose_name="份额分母")),
                (
                    "valid_from",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(), editable=False, verbose_name="自"
                    ),
                ),
                (
                    "ended_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="至"),
                ),
            ],
            options={
                "verbose_name": "集体成员",
                "verbose_name_plural": "集体成员",
            },
        ),
        migrations.CreateModel(
            name="SignedInSession",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("session_key_hash", models.BinaryField(max_length=32, unique=True)),
                (
                    "agent",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="浏览器"),
                ),
                (
                    "ip",
                    models.GenericIPAddressField(blank=True, null=True, verbose_name="网络地址"),
                ),
                (
                    "signed_in_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="登录时间",
                    ),
                ),
                (
                    "seen_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(), verbose_name="最近使用"
                    ),
                ),
                (
                    "revoked_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="结束时间"),
                ),
            ],
            options={
                "verbose_name": "登录会话",
                "verbose_name_plural": "登录会话",
            },
        ),
        migrations.CreateModel(
            name="Unmasking",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.TextField(verbose_name="理由")),
                (
                    "seen_at",
                    models.DateTimeField(db_default=portal.base.clock.PortalNow(), editable=False),
                ),
            ],
            options={
                "verbose_name": "查看完整号码",
                "verbose_name_plural": "查看完整号码",
            },
        ),
        migrations.AddField(
            model_name="party",
            name="checked_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="核验时间"
            ),
        ),
        migrations.AddField(
            model_name="party",
            name="identity_digest",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="party",
            name="identity_key_id",
            field=models.CharField(db_default="", editable=False, max_length=8),
        ),
        migrations.AddField(
            model_name="party",
            name="identity_last4",
            field=models.CharField(db_default="", editable=False, max_length=4),
        ),
        migrations.AddField(
            model_name="party",
            name="identity_prefix",
            field=models.CharField(db_default="", editable=False, max_length=6),
        ),
        migrations.AddField(
            model_name="party",
            name="identity_sealed",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="rolegrant",
            name="revoked_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="roles_revoked",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="party",
            name="made_at",
            field=models.DateTimeField(
                db_default=portal.base.clock.PortalNow(), editable=False, verbose_name="登记时间"
            ),
        ),
        migrations.AlterField(
            model_name="rolegrant",
            name="granted_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="roles_granted",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="date_joined",
            field=models.DateTimeField(
                db_default=portal.base.clock.PortalNow(), editable=False, verbose_name="注册时间"
            ),
        ),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.UniqueConstraint(
                condition=models.Q(("identity_digest__isnull", False)),
                fields=("identity_digest",),
                name="one_party_per_identity_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("identity_digest__isnull", True),
                        ("identity_key_id", ""),
                        ("identity_last4", ""),
                        ("identity_prefix", ""),
                        ("identity_sealed__isnull", True),
                    ),
                    models.Q(
                        ("identity_digest__isnull", False),
                        ("identity_sealed__isnull", False),
                        models.Q(("identity_key_id", ""), _negated=True),
                        models.Q(("identity_prefix", ""), _negated=True),
                        models.Q(("identity_last4", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="identity_is_whole_or_absent",
            ),
        ),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("checked_at__isnull", True),
                    ("identity_digest__isnull", False),
                    _connector="OR",
                ),
                name="checked_party_has_an_identity",
            ),
        ),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "name_only"), _negated=True),
                    ("identity_digest__isnull", True),
                    _connector="OR",
                ),
                name="name_only_party_has_no_identity",
            ),
        ),
        migrations.AddConstraint(
            model_name="rolegrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("granted_by__isnull", True),
                    models.Q(("granted_by", models.F("user")), _negated=True),
                    _connector="OR",
                ),
                name="nobody_grants_a_role_to_themselves",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("username"),
                name="one_user_per_name",
                violation_error_message="这个用户名已被使用，请换一个。",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["kind", "source", "made_at"], name="attempts_of_a_source"),
        ),
        migrations.AddField(
            model_name="identitycheck",
            name="applicant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="identity_checks",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="identitycheck",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="identities_decided",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="identitycheck",
            name="party",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="identity_checks",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="identitydocument",
            name="added_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="documents_added",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="identitydocument",
            name="identity_check",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="documents",
                to="accounts.identitycheck",
            ),
        ),
        migrations.AddField(
            model_name="identitydocument",
            name="party",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="documents",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="mandate",
            name="document",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="mandates",
                to="accounts.identitydocument",
            ),
        ),
        migrations.AddField(
            model_name="mandate",
            name="ended_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="mandates_ended",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="mandate",
            name="given_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="mandates_given",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="mandate",
            name="party",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="mandates",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="mandate",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="mandates",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="partylink",
            name="checked",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="linked_names",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="partylink",
            name="document",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="links",
                to="accounts.identitydocument",
            ),
        ),
        migrations.AddField(
            model_name="partylink",
            name="ended_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parties_unlinked",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="partylink",
            name="linked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parties_linked",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="partylink",
            name="name_only",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="links",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="partymember",
            name="collective",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="memberships",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="partymember",
            name="member",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="member_of",
                to="accounts.party",
            ),
        ),
        migrations.AddField(
            model_name="signedinsession",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="signed_in_sessions",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="unmasking",
            name="actor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="unmaskings",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="unmasking",
            name="party",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="unmaskings",
                to="accounts.party",
            ),
        ),
        migrations.AddIndex(
            model_name="identitycheck",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["asked_at"],
                name="identity_checks_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="identitycheck",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "waiting")),
                fields=("party",),
                name="one_waiting_check_per_party",
            ),
        ),
        migrations.AddConstraint(
            model_name="identitycheck",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by__isnull", True),
                    models.Q(("decided_by", models.F("applicant")), _negated=True),
                    _connector="OR",
                ),
                name="nobody_decides_on_an_own_identity",
            ),
        ),
        migrations.AddConstraint(
            model_name="identitycheck",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_at__isnull", True),
                        ("decided_by__isnull", True),
                        ("state", "waiting"),
                    ),
                    models.Q(
                        models.Q(("state", "waiting"), _negated=True),
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="identity_check_is_decided_by_somebody",
            ),
        ),
        migrations.AddIndex(
            model_name="mandate",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["user", "party"],
                name="mandates_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="mandate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_to__isnull", True),
                    ("valid_to__gte", models.F("valid_from")),
                    _connector="OR",
                ),
                name="mandate_ends_after_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="mandate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("quantity_kg_max__isnull", True),
                        ("quantity_kg_max__gt", 0),
                        _connector="OR",
                    ),
                    models.Q(
                        ("price_fen_per_tonne_min__isnull", True),
                        ("price_fen_per_tonne_min__gt", 0),
                        _connector="OR",
                    ),
                ),
                name="mandate_limits_are_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="partylink",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("name_only",),
                name="one_standing_link_per_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="partylink",
            constraint=models.CheckConstraint(
                condition=models.Q(("evidence", ""), _negated=True), name="link_has_evidence"
            ),
        ),
        migrations.AddConstraint(
            model_name="partymember",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("collective", "member"),
                name="one_standing_membership",
            ),
        ),
        migrations.AddConstraint(
            model_name="partymember",
            constraint=models.CheckConstraint(
                condition=models.Q(("collective", models.F("member")), _negated=True),
                name="member_is_not_the_collective_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="partymember",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("share_numerator__gt", 0),
                    ("share_numerator__lte", models.F("share_denominator")),
                ),
                name="member_share_is_a_fraction",
            ),
        ),
        migrations.AddIndex(
            model_name="signedinsession",
            index=models.Index(fields=["user", "-seen_at"], name="sessions_of_a_user"),
        ),
        migrations.AddConstraint(
            model_name="unmasking",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="unmasking_has_a_reason"
            ),
        ),
    ]
