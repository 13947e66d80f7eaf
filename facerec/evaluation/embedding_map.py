"""A map of some people's embeddings on the plane."""

import numpy as np
import pandas as pd
import torch.nn.functional as F
from torch import Tensor

from facerec.data.names import PersonNames

PEOPLE = 15
COLUMNS = ["x", "y", "person", "split", "image_id"]


def tsne_map(
    frame: pd.DataFrame,
    embeddings: Tensor,
    names: PersonNames,
    max_people: int = PEOPLE,
    seed: int = 0,
) -> pd.DataFrame:
    """Returns a t-SNE of some people's photographs by cosine distance, COLUMNS.

    Neighbours mean something, distances between groups do not (van der Maaten and Hinton 2008).

    Args:
        frame: rows of image_id, person_id, label and split.
        embeddings: (N, E) of its rows.
        names: of the people.
        max_people: the largest number of people, taken evenly from all labels.
        seed: of the map.
    """
    from sklearn.manifold import TSNE  # takes seconds to import

    labels = np.unique(frame.label)
    places = np.linspace(0, len(labels) - 1, min(max_people, len(labels))).astype(int)
    rows = np.flatnonzero(frame.label.isin(labels[places]))
    if len(rows) < 4:
        return pd.DataFrame(columns=COLUMNS)
    directions = F.normalize(embeddings[rows.tolist()]).numpy()
    perplexity = min(30.0, (len(rows) - 1) / 3)
    # Exact: the approximation adds up in another order on other machines.
    tsne = TSNE(
        perplexity=perplexity, metric="cosine", init="random", method="exact", random_state=seed
    )
    points = tsne.fit_transform(directions)
    shown = frame.iloc[rows]
    columns = {
        "x": points[:, 0],
        "y": points[:, 1],
        "person": names.of(shown.person_id),
        "split": shown.split.to_numpy(),
        "image_id": shown.image_id.to_numpy(),
    }
    return pd.DataFrame(columns).round(4)
