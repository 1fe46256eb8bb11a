"""What a decision costs, side by side with stock pycasbin: `make bench`."""
