"""What a policy means: for routes, for people, for a change, for its tests."""
