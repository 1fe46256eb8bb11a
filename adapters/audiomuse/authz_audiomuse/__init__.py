"""AudioMuse-AI behind authz."""
