"""Who is asking: the sources that vouch for a subject. Pure."""
