"""Writers of files: features of the register → the formats that bureaus and owners use.

``writer`` is the door. What is written here, ``parcels.intake`` reads back to the same shapes.
Who may have which shapes, and whether the download is guarded, is decided before.
"""
