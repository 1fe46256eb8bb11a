"""What people who are no administrators may send along with a request."""
