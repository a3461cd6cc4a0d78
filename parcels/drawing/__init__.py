"""Drawing a project area on verified titles: drafts, PostGIS edits, files, and saving a version."""
