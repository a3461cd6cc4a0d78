"""The second factor: a TOTP authenticator (RFC 6238). A phone knows real time, not the portal's."""

from __future__ import annotations

import time
from base64 import b32encode

import segno
from django.conf import settings
from django_otp.oath import hotp
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.models import User
from portal.accounts.queries import is_staff_reader


def confirmed_device(user: User) -> TOTPDevice | None:
    """The authenticator that the user has proved to hold."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()


def waiting_device(user: User) -> TOTPDevice | None:
    """The authenticator that was shown, but not yet proved."""
    return TOTPDevice.objects.filter(user=user, confirmed=False).order_by("-pk").first()


def due_at_sign_in(user: User) -> bool:
    """Whether the password alone does not let ``user`` in.

    With STAFF_SECOND_FACTOR_REQUIRED everyone who holds an office, and everyone who has set an
    authenticator up.
    """
    if not settings.STAFF_SECOND_FACTOR_REQUIRED:
        return False
    return confirmed_device(user) is not None or is_staff_reader(user) or user.is_staff


def present_code(device: TOTPDevice) -> tuple[str, int]:
    """The first code that the device would still accept, and for how many seconds from now.

    It is the present one, unless that was used already: then the next, within the tolerance.
    """
    moment = time.time()
    step_now = int((moment - device.t0) // device.step) + device.drift
    step = min(max(step_now, device.last_t + 1), step_now + device.tolerance)
    code = hotp(device.bin_key, step, device.digits)
    ends = device.t0 + (step + 1 + device.tolerance - device.drift) * device.step
    return f"{code:0{device.digits}d}", int(ends - moment)


def secret_text(device: TOTPDevice) -> str:
    """The secret in groups of four, to be typed where no camera is."""
    secret = b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def qr_image(device: TOTPDevice) -> str:
    """The ``otpauth:`` address as a QR code in a ``data:`` address."""
    image: str = segno.make_qr(device.config_url).svg_data_uri(scale=5, border=2)
    return image
