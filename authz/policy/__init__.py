"""What is allowed: rules, grants and the answers they give. Pure."""
