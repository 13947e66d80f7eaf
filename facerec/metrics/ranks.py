"""At which rank a search among photographs of many people finds the right person."""

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.metrics.blocks import row_blocks

NEVER = torch.iinfo(torch.int64).max  # rank of a person who is not found at all


def search_ranks(embeddings: Tensor, people: Tensor, queries: Tensor) -> Tensor:
    """Returns the rank of each query's own person, (Q,) int64 from 1.

    A photograph is searched among all others. People are ranked by their most similar photograph;
    of equal cosines, the own person's comes last.

    Args:
        embeddings: (N, E), not necessarily normalised. A query of zeros finds nobody: NEVER.
        people: (N,) 0 … P-1.
        queries: (Q,) rows, each of a person with another photograph.
    """
    everybody = torch.ones(int(people.max()) + 1, 1, dtype=torch.bool)
    return ranks_in_galleries(embeddings, people, queries, everybody)[:, 0]


def ranks_in_galleries(
    embeddings: Tensor, people: Tensor, queries: Tensor, galleries: Tensor
) -> Tensor:
    """Returns `search_ranks` in galleries of some of the people, (Q, G) int64.

    It means nothing where the query's own person is not in the gallery.

    Args:
        embeddings: as in `search_ranks`.
        people: likewise.
        queries: likewise.
        galleries: (P, G) bool, who is in each.
    """
    embeddings = F.normalize(embeddings.float())
    num_people = len(galleries)
    ranks = torch.empty(len(queries), galleries.shape[1], dtype=torch.int64)
    for start, rows in row_blocks(queries, len(embeddings) + num_people):
        probes = embeddings[rows]
        cosines = probes @ embeddings.t()
        cosines.scatter_(1, rows[:, None], -torch.inf)  # not among itself
        best = cosines.new_full((len(rows), num_people), -torch.inf)
        best.scatter_reduce_(1, people.expand_as(cosines), cosines, "amax")
        own = best.gather(1, people[rows, None])
        found_at = (best >= own).float() @ galleries.float()
        is_blank = ~probes.any(dim=1, keepdim=True)
        ranks[start : start + len(rows)] = found_at.long().masked_fill(is_blank, NEVER)
    return ranks
