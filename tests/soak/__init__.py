"""What happens to decisions while processes die and stores fail: `make soak`."""
