"""The rules of the product, one module for each area. All are pure: a snapshot goes in, steps come out."""
