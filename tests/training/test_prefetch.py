import numpy as np
import pytest
import torch

from facerec.imaging.arrays import stack_images
from facerec.training.prefetch import FaceDataset, prefetched

FACES = np.random.default_rng(0).integers(0, 255, (20, 4, 4, 3), dtype=np.uint8)
ROWS = torch.tensor([3, 5, 7, 11, 19])
TARGETS = torch.tensor([0, 0, 1, 1, 2])


@pytest.fixture(params=[1.0, 0.0005], ids=["held", "mapped"])
def faces(request, tmp_path, monkeypatch) -> np.ndarray:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")
    return stack_images(iter(FACES), len(FACES), request.param)


def test_batches_hold_the_faces_and_targets_of_their_indices(faces):
    dataset = FaceDataset(faces, ROWS, TARGETS)
    batches = [torch.tensor(indices) for indices in ([0, 4], [1, 2], [2, 2, 0], [3])]
    found = list(prefetched(dataset, batches))
    assert len(dataset) == 5 and len(found) == 4
    for indices, (batch, targets) in zip(batches, found, strict=True):
        assert batch.dtype == torch.uint8
        assert np.array_equal(batch.numpy(), FACES[ROWS[indices].numpy()])
        assert torch.equal(targets, TARGETS[indices])


def test_the_next_batch_is_fetched_before_it_is_asked_for():
    class Recorder(torch.utils.data.Dataset):
        def __getitem__(self, indices):
            fetched.append(indices)
            return (indices,)

    fetched: list[torch.Tensor] = []
    batches = prefetched(Recorder(), [torch.tensor([number]) for number in range(3)])
    next(batches)
    batches.close()  # waits for the thread
    assert [int(indices) for indices in fetched] == [0, 1]


def test_an_error_in_the_thread_reaches_the_training():
    dataset = FaceDataset(FACES, ROWS, TARGETS)
    with pytest.raises(IndexError):
        list(prefetched(dataset, [torch.tensor([0]), torch.tensor([99])]))


def test_mapped_faces_are_the_same_and_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    held, mapped = (stack_images(iter(FACES), len(FACES), map_over) for map_over in (1.0, 0.0005))
    assert type(held) is np.ndarray and isinstance(mapped, np.memmap)
    assert np.array_equal(held, FACES) and np.array_equal(mapped, FACES)
    assert not [*tmp_path.iterdir()]
