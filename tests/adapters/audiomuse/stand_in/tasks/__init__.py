"""Work of the stand-in that is not a view."""
