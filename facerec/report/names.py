"""What people and recognisers are called on the page."""

from facerec.evaluation.comparison import display_name

__all__ = ["display_person", "display_recognizer"]


def display_person(person_id: str) -> str:
    """Returns what a person is called."""
    return person_id.removesuffix(".0")  # a column with blanks holds 12 as 12.0


def display_recognizer(name: str) -> str:
    """Returns what a recogniser is called."""
    return display_name(name)
