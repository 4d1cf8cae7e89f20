"""`python -m pushpals`: the same door as the `pushpals` command."""

from pushpals.cli import main

if __name__ == "__main__":
    main()
