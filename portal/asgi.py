"""What the application server runs."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.embedded")
application = get_asgi_application()

from portal.base.checks import refuse_unsafe_start  # noqa: E402 - needs the settings.

refuse_unsafe_start()
