"""What others would take for the same answers, served beside ours from the same tables."""
