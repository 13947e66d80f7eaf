"""A map of embeddings on the plane, to look at."""

import numpy as np
import pandas as pd
import torch.nn.functional as F
from torch import Tensor

PEOPLE = 15
COLUMNS = ["x", "y", "person", "split", "image_id"]


def embedding_map(
    frame: pd.DataFrame, embeddings: Tensor, people: int = PEOPLE, seed: int = 0
) -> pd.DataFrame:
    """Returns a t-SNE (van der Maaten and Hinton 2008) of some people's photographs, by cosine distance, COLUMNS.

    Neighbours mean something, distances between groups do not.

    Args:
        frame: rows of image_id, person_id, label and split.
        embeddings: (N, E) of its rows.
        people: at most so many, evenly from all labels.
        seed: of the map.
    """
    from sklearn.manifold import TSNE  # seconds to import

    labels = np.unique(frame.label)
    chosen = labels[np.linspace(0, len(labels) - 1, min(people, len(labels))).astype(int)]
    rows = np.flatnonzero(frame.label.isin(chosen))
    if len(rows) < 4:
        return pd.DataFrame(columns=COLUMNS)
    directions = F.normalize(embeddings[rows.tolist()]).numpy()
    perplexity = min(30.0, (len(rows) - 1) / 3)
    tsne = TSNE(
        perplexity=perplexity, metric="cosine", init="random", method="exact", random_state=seed
    )
    places = tsne.fit_transform(
        directions
    )  # exact: the approximation adds up in another order on other machines
    shown = frame.iloc[rows]
    columns = {
        "x": places[:, 0],
        "y": places[:, 1],
        "person": shown.person_id.astype(int).to_numpy(),
    }
    return pd.DataFrame(
        {**columns, "split": shown.split.to_numpy(), "image_id": shown.image_id.to_numpy()}
    ).round(4)
