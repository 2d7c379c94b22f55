"""`python -m redux` is the command line."""

from redux.cli.main import main

if __name__ == "__main__":
    main()
