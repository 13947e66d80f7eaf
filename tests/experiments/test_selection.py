import numpy as np
import pandas as pd

from experiments import selection


def test_hits_come_back_from_their_text_and_are_averaged_over_seeds():
    assert selection._hits_of("h0110").tolist() == [0, 1, 1, 0]
    assert selection._mean_hits(pd.Series(["h0110", "h0100"])).tolist() == [0, 1, 0.5, 0]
    text = selection._with_interval(np.array([0.0, 1.0, 1.0, 1.0]), np.arange(4))
    assert text.startswith("75.0 (")
