"""What things are called on the page that have a code name in the files."""

WORDED = ("step", "criterion", "exam", "kind", "measure")  # columns whose cells are code names
WORDS = {  # the others are their code name with spaces
    "in_all_tables": "the whole collection",
    "not_excluded": "not excluded by a list",
    "not_in_openset": "not kept for the open set",
    "not_wild": "not kept for wild",
    "rejected_allowed": "rejected ones allowed again",
    "not_near_duplicates": "no copy of another",
    "people_with_enough": "of people with enough of them",
    "frontality": "frontality: nose in the middle",
    "plausible": "plausible order of points",
    "outlier": "outlier by its points",
    "resolution": "resolution: box, px",
    "openset": "open set",
    "false_non_match": "false non-match",
    "confidence": "landmark confidence",
}


def words(code_name: str) -> str:
    """Returns a code name of the files in words."""
    return WORDS.get(code_name, code_name.replace("_", " "))
