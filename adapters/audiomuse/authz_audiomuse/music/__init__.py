"""Music accounts: whose account on a music server a person's playlists land in."""
