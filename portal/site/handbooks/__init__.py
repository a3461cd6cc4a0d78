"""The handbooks of ``docs/handbook`` as pages, and which section of which explains a page."""
