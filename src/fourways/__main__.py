"""`python -m fourways`: the command line."""

from fourways.cli.main import main

if __name__ == "__main__":
    main()
