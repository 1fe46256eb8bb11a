"""Where a policy is kept."""
