"""What the application server runs."""

import os
import warnings

from django.core.asgi import get_asgi_application

# A static file is read in a thread in one go, which is what it is for.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.embedded")
application = get_asgi_application()

from portal.base.checks import refuse_unsafe_start  # noqa: E402 - needs the settings.

refuse_unsafe_start()
