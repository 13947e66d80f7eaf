"""`python -m facerec` is the command `facerec`."""

from facerec.cli import main

if __name__ == "__main__":
    main()
