"""OGC API Features Part 1 and 2, and the metadata of OGC API Tiles, over the registry of layers."""
