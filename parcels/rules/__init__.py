"""The spatial rules: one entry in the table and one SQL file each (design.md, "Spatial rules")."""
