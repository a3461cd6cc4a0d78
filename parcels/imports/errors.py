"""Why a file was not taken in as a whole (single features are answered one by one)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class ImportRefused(PortalError):
    """An import cannot run as asked."""

    code = "import_refused"
    message = _("这次导入无法进行。")


class ImportNotDraft(ImportRefused):
    """The import was started, finished or cancelled before."""

    code = "import_not_draft"
    message = _("这次导入已经开始或结束，不能再次提交。请重新上传文件。")


class ImportNotRunning(ImportRefused):
    """There is nothing to cancel."""

    code = "import_not_running"
    message = _("这次导入没有在进行，不能取消。")


class UploadMissing(ImportRefused):
    """The form came without a file."""

    code = "upload_missing"
    message = _("没有收到文件。请选择或拖入一个文件。")


class UploadTooLarge(ImportRefused):
    """Larger than the setting allows."""

    code = "upload_too_large"
    message = _("文件 {size_mib} MB，超过 {limit_mib} MB 的上限。请拆分后分批上传。")


class ColumnMissing(ImportRefused):
    """The mapping names a column that the file does not have."""

    code = "column_missing"
    message = _("字段对应中的列“{column}”不在文件里。请重新选择。")


class CoordinateSystemOpen(ImportRefused):
    """The coordinate system was only guessed; a person must confirm it first."""

    code = "coordinate_system_open"
    message = _("文件没有写明坐标系。请在地图上核对位置，选定坐标系后再提交。")


class EncodingOpen(ImportRefused):
    """The encoding was only guessed; a person must choose it first."""

    code = "encoding_open"
    message = _("文件没有写明文字编码，按推测读取会有乱码。请选定编码后再提交。")


class ImportCancelled(PortalError):
    """Somebody asked to stop; everything is rolled back."""

    code = "import_cancelled"
    message = _("导入已取消，没有写入任何内容。")


@stands_for("takeover_is_signed_by_another", "takeover_has_a_decision")
class TakeoverRefused(ImportRefused):
    """A register is taken over by a decision with a document and two officers, or not at all."""

    code = "takeover_refused"
    message = _("不能接管既有登记：{reason}。")
