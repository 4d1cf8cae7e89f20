"""What `make bench` measures: one module for each figure, each with `measure(size)`."""
