"""Why land or a title was not written: constraint or trigger of the database → message."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class ShapeRefused(PortalError):
    """Guarantee 3: a shape that cannot stand in the register."""

    code = "shape_refused"
    message = _("图形不能入库。")


@stands_for(
    "parcel_geom_is_valid", "parcel_geom_is_not_empty", "stand_geom_is_valid",
    "stand_geom_is_not_empty",
)  # fmt: skip
class ShapeInvalid(ShapeRefused):
    """Self-crossing, empty, or otherwise no area."""

    code = "shape_invalid"
    message = _("图形无效或为空。请修正界线后再提交。")


@stands_for("parcel_geom_is_on_earth")
class ShapeOffEarth(ShapeRefused):
    """Not longitude and latitude."""

    code = "shape_off_earth"
    message = _("坐标不是经纬度。请检查坐标系。")


@stands_for("shape_is_within_the_vertex_limit")
class ShapeTooLarge(ShapeRefused):
    """More vertices than the policy allows."""

    code = "shape_too_large"
    message = _("界址点 {vertices} 个，超过 {limit} 个的上限。请适当简化。")


class TitleRefused(PortalError):
    """Guarantee 2: a title that cannot be verified or changed."""

    code = "title_refused"
    message = _("权属不能登记。")


@stands_for("no_two_verified_titles_conflict")
class TitlesConflict(TitleRefused):
    """Another verified title of the same right covers part of the land."""

    code = "titles_conflict"
    message = _("与已审核的权属证书 {number} 重叠 {area_m2} 平方米，不能通过。")


@stands_for("one_verified_certificate_per_parcel_and_right", "one_verified_certificate_of_a_number")
class CertificateTwice(TitleRefused):
    """The parcel has a verified certificate of this right, or the number is in force."""

    code = "certificate_twice"
    message = _("该宗地此项权利或该证号已有审核通过的证书。")


@stands_for("verified_title_is_frozen", "verified_shape_is_frozen")
class TitleFrozen(TitleRefused):
    """A decided title changes only by a new review."""

    code = "title_frozen"
    message = _("已审核的权属不能直接修改。请提出变更，另行审核。")


@stands_for("certificate_moves_by_the_table", "certificate_begins_registered")
class CertificateMoveNotAllowed(TitleRefused):
    """The state does not follow from the present one."""

    code = "certificate_move_not_allowed"
    message = _("证书状态不能从“{now}”变为“{wanted}”。")


@stands_for("verified_certificate_has_rights")
class CertificateWithoutRights(TitleRefused):
    """A certificate that names no right on any land."""

    code = "certificate_without_rights"
    message = _("证书没有登记权利，不能审核通过。")


@stands_for("title_is_verified_by_a_decision")
class TitleWithoutDecision(TitleRefused):
    """Verified by nobody: neither a signed review nor a takeover of its register stands behind it."""

    code = "title_without_decision"
    message = _("没有经两人签署的权属审核，也没有登记接管决定，证书不能成为已审核。")


@stands_for("shares_of_a_right_make_the_whole")
class RightNotWhole(TitleRefused):
    """The holders of a right have more or less than all of it between them."""

    code = "right_not_whole"
    message = _("权利人份额合计 {sum} 份，与总份数 {of} 不符，不能审核通过。")
