import numpy as np
import pandas as pd
import torch
from sklearn.neighbors import KNeighborsClassifier

from facerec.data.names import PersonNames
from facerec.evaluation.embedding_map import COLUMNS, tsne_map


def people(count: int, photos: int) -> tuple[pd.DataFrame, torch.Tensor]:
    labels = np.repeat(np.arange(count), photos)
    centres = torch.randn(count, 32, generator=torch.Generator().manual_seed(0))
    noise = 0.3 * torch.randn(len(labels), 32, generator=torch.Generator().manual_seed(1))
    frame = pd.DataFrame({"image_id": [f"{i}.jpg" for i in range(len(labels))], "label": labels})
    return frame.assign(person_id=labels + 100, split="val"), centres[labels] + noise


def test_photographs_of_a_person_lie_together_and_the_same_seed_gives_the_same_map():
    frame, embeddings = people(30, 10)
    table = tsne_map(frame, embeddings, PersonNames({100: "Zoë"}), max_people=8)
    assert list(table) == COLUMNS and table.person.nunique() == 8 and len(table) == 80
    assert "Zoë" in set(table.person) and "100" not in set(table.person)
    neighbours = KNeighborsClassifier(2).fit(table[["x", "y"]], table.person)
    assert neighbours.score(table[["x", "y"]], table.person) > 0.9
    assert table.equals(tsne_map(frame, embeddings, PersonNames({100: "Zoë"}), max_people=8))


def test_too_few_photographs_make_no_map():
    frame, embeddings = people(1, 3)
    assert tsne_map(frame, embeddings, PersonNames()).empty
