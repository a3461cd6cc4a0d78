"""Readers of files: bytes that strangers brought → features, or a reason for each that is none.

Files are opened in a process of their own (``child``), which knows no Django, no database and no
key, and lives under limits on time and memory. ``reader`` is the door that the portal uses.
"""
