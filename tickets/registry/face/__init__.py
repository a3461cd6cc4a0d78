"""The ticket's face: what is printed on it, and the signature under its QR code."""
