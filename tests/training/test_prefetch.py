import numpy as np
import pytest
import torch

from facerec.imaging.arrays import stack_images
from facerec.training.prefetch import Batches

FACES = np.random.default_rng(0).integers(0, 255, (20, 4, 4, 3), dtype=np.uint8)
ROWS = torch.tensor([3, 5, 7, 11, 19])


@pytest.fixture(params=[1.0, 0.0005], ids=["held", "mapped"])
def batches(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Batches(stack_images(iter(FACES), len(FACES), request.param), ROWS, torch.device("cpu"))


def test_it_is_indexing_whether_the_batch_was_expected_or_not(batches):
    for asked, expected in (([0, 4], None), ([1, 2], [1, 2]), ([2, 2, 0], [4]), ([3], [3])):
        if expected is not None:
            batches.prefetch(torch.tensor(expected))
        found = batches[torch.tensor(asked)]
        assert found.dtype == torch.uint8 and np.array_equal(
            found.numpy(), FACES[ROWS[asked].numpy()]
        )


def test_mapped_faces_are_the_same_and_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    held, mapped = (stack_images(iter(FACES), len(FACES), map_over) for map_over in (1.0, 0.0005))
    assert type(held) is np.ndarray and isinstance(mapped, np.memmap)
    assert np.array_equal(held, FACES) and np.array_equal(mapped, FACES)
    found = Batches(mapped, ROWS, torch.device("cpu"))[torch.arange(5)]
    assert np.array_equal(found.numpy(), FACES[ROWS.numpy()])
    assert not [*tmp_path.iterdir()]
