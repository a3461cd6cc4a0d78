"""What every installation shares. Values that differ come from the environment, typed here."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

# Lets class bodies name generic Django classes (ModelForm[Policy]) at run time as for the checker.
django_stubs_ext.monkeypatch()

ROOT = Path(__file__).resolve().parents[2]
VAR = Path(os.environ.get("PORTAL_VAR") or ROOT / "var").resolve()
env = environ.Env()

APPLICATION_VERSION = "0.1.0"

SECRET_KEY = env.str("SECRET_KEY", default="")
DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
# What QR codes carry; empty: the address that the request came by.
PUBLIC_ADDRESS: str = env.str("PUBLIC_ADDRESS", default="")
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- applications -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "portal.base",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.postgres",
    "leaflet",
    "rest_framework",
    "rest_framework_gis",
    "drf_spectacular",
    "django_filters",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "procrastinate.contrib.django",
    "rules.apps.AutodiscoverRulesConfig",
    "portal.journal",
    "portal.accounts",
    "portal.casework",
    "parcels",
    "tickets.projects",
    "tickets.accounting",
    "tickets.registry",
    "tickets.offsets",
    "tickets.market",
    "tickets.finance",
    "tickets.supervision",
    "layers",
    "portal.site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.site.open_door.OpenDoor",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "portal.accounts.middleware.SignedInSessions",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.site.http_errors.PortalErrors",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
                "portal.site.context.site",
            ],
        },
    }
]

# --- databases: two roles (design.md, "Two roles") ----------------------------------------------
STORAGE_SRID = 4490


def database(url: str, *, pool: bool) -> dict[str, Any]:
    """A PostGIS connection from its URL; ``pool`` keeps connections open between requests."""
    settings: dict[str, Any] = dict(environ.Env.db_url_config(url))
    settings["ENGINE"] = "django.contrib.gis.db.backends.postgis"
    settings["CONN_MAX_AGE"] = 0
    settings["ATOMIC_REQUESTS"] = False
    options: dict[str, Any] = settings.setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 3)
    # The rules on one drawn shape are one large statement whose plan the session keeps; compiling it
    # costs more than it saves. Behind a pooler that shares sessions: DATABASE_PREPARES=0.
    if env.bool("DATABASE_PREPARES", default=True):
        options.setdefault("prepare_threshold", 0)
        options.setdefault("options", "-c jit=off -c plan_cache_mode=force_generic_plan")
    if pool:
        options["pool"] = {"min_size": 1, "max_size": 20, "timeout": 10}
    return settings


DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASE_ROUTERS = ["portal.base.database_roles.OwnerMigrates"]

# --- accounts -----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "rules.permissions.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "accounts:my-page"
LOGOUT_REDIRECT_URL = "site:home"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.site.error_pages.csrf_failure"
AXES_FAILURE_LIMIT = env.int("SIGN_IN_FAILURE_LIMIT", default=5)
AXES_COOLOFF_TIME = env.float("SIGN_IN_LOCK_HOURS", default=0.25)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "portal.accounts.views.locked_out"
AXES_IPWARE_PROXY_COUNT = env.int("PROXY_COUNT", default=0)
STAFF_SECOND_FACTOR_REQUIRED = env.bool("STAFF_SECOND_FACTOR_REQUIRED", default=True)
DEMO_ACCOUNTS = False
OTP_TOTP_ISSUER = "伊宁林业碳票"

# --- words and time -----------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("中文")), ("en", _("English"))]
LOCALE_PATHS = [ROOT / "parcels" / "intake" / "locale"]
TIME_ZONE = "Asia/Shanghai"  # domain.md: UTC+8; the local UTC+6 habit is not used.
USE_TZ = True
USE_I18N = True

# --- files --------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [
    path for path in [ROOT / "frontend" / "dist"] if path.is_dir()
]
STATICFILES_DIRS.append(("handbook", ROOT / "docs" / "handbook" / "pictures"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MEDIA_ROOT = VAR / "files"
MEDIA_URL = ""  # Files are served through a gate only, never by address.
UPLOAD_SCRATCH = VAR / "uploads"
TILE_STORE = Path(env.str("TILE_STORE", default="") or VAR / "tiles")
UPLOAD_LIMIT_BYTES = env.int("UPLOAD_LIMIT_MIB", default=50) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_TEMP_DIR = None
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FIXTURES = ROOT / "fixtures"

# --- security headers ---------------------------------------------------------------------------
TIANDITU_KEY = env.str("TIANDITU_KEY", default="")
MAP_APPROVAL_NUMBER = env.str("MAP_APPROVAL_NUMBER", default="")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"


def content_security_policy(tianditu_key: str) -> dict[str, Any]:
    """Everything from here alone; pictures of 天地图 too, when it is offered."""
    tiles = [f"https://t{i}.tianditu.gov.cn" for i in range(8)] if tianditu_key else []
    return {
        "DIRECTIVES": {
            "default-src": [SELF],
            "script-src": [SELF, NONCE],
            "style-src": [SELF, NONCE],
            "img-src": [SELF, "data:", "blob:", *tiles],
            "connect-src": [SELF],
            "font-src": [SELF],
            "object-src": [NONE],
            "base-uri": [SELF],
            "form-action": [SELF],
            "frame-ancestors": [NONE],
            "worker-src": [SELF, "blob:"],
        }
    }


CONTENT_SECURITY_POLICY = content_security_policy(TIANDITU_KEY)

# --- services -----------------------------------------------------------------------------------
# Webhooks go to public machines; an installation inside a city network may allow its own.
WEBHOOKS_TO_PRIVATE_NETWORKS = env.bool("WEBHOOKS_TO_PRIVATE_NETWORKS", default=False)
EMAIL_SUBJECT_PREFIX = "[伊宁林业碳票] "
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="portal@localhost")
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "portal.base.json_bodies.JsonParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.site.http_errors.api_exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "伊宁市林业碳票地图门户 API",
    "VERSION": APPLICATION_VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    # They would be written at each reading of the document; a test validates it instead.
    "DISABLE_ERRORS_AND_WARNINGS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "layers.openapi.add_public_reads",
    ],
}
LEAFLET_CONFIG = {
    "SPATIAL_EXTENT": (80.9, 43.65, 81.7, 44.35),
    "DEFAULT_CENTER": (43.98, 81.30),
    "DEFAULT_ZOOM": 11,
    "MIN_ZOOM": 7,
    "MAX_ZOOM": 20,
    "TILES": [],
    "ATTRIBUTION_PREFIX": "",
    "RESET_VIEW": False,
    "SCALE": None,
    "NO_GLOBALS": False,
}
# Debian's GDAL is older than 3.9, which Django says misjudges texts of coordinate systems. We hand
# it integers only; a file's .prj is read by pyproj in the reader's own process.
SILENCED_SYSTEM_CHECKS = ["gis.W001"]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"axes": {"level": "WARNING"}, "procrastinate": {"level": "WARNING"}},
}


def read_environment_file(path: Path) -> None:
    """Take NAME=value lines of ``path`` into the environment; what is already set wins."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\s*([A-Z][A-Z0-9_]*)=(.*)", line):
            # An empty variable counts as absent: make exports those that nobody set.
            os.environ[match[1]] = os.environ.get(match[1]) or match[2].strip().strip('"')
