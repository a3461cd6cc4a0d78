"""What Django says when an installation is unsafe."""
