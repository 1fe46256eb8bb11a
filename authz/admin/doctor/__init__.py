"""What is wrong with an installation, in words, before somebody cannot sign in."""
