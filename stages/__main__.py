"""`python -m stages` is the command `facerec stages`."""

from facerec.cli import stages_command

if __name__ == "__main__":
    command = stages_command()
    command()
