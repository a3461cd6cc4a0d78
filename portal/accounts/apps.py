from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"
    verbose_name = "账户与主体"

    def ready(self) -> None:
        # Django would write the machine's time; ``note_session`` writes the portal's.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
