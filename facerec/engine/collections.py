"""Whose photographs lie in a folder: of a person each, or a collection in CelebA's layout."""

from pathlib import Path

from facerec.collections.layouts import find_photographs
from facerec.data.identity import read_identity

IDENTITY = "identity*.txt"


def photographs_of_people(folder: Path) -> tuple[list[Path], list[str]]:
    """Returns the photographs (N,) of a folder, and who is on each, (N,).

    Args:
        folder: with CelebA's identity file and a folder of images, as `facerec import` writes it;
            else with a folder for each person, or a CSV `file,person`.

    Raises:
        ValueError: there is no photograph of anybody, or the identity file names absent ones.
    """
    files = sorted(folder.glob(IDENTITY))
    if len(files) > 1:
        raise ValueError(f"{folder}: expected one identity file, got {', '.join(map(str, files))}")
    if not files:
        known = [each for each in find_photographs(folder).photographs if each.person]
        if not known:
            raise ValueError(
                f"{folder}: nobody is named: expected a folder for each person, a CSV with the "
                "columns file, person, or CelebA's identity_CelebA.txt beside a folder of images"
            )
        return [folder / each.path for each in known], [str(each.person) for each in known]
    people = read_identity(files[0])
    first = people.image_id.iloc[0]
    images = next((each.parent for each in sorted(folder.glob(f"*/{first}"))), None)
    if images is None:
        raise ValueError(f"{files[0]}: names {first}, which is in no folder beside it")
    return [images / name for name in people.image_id], people.person.tolist()
