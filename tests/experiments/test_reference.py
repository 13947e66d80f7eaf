"""The experiment that puts a public model on our exams, on a few photographs."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from collection import make_collection, make_frame
from reference_model import reference_entry

from experiments import reference
from facerec import tables
from tools.profile import composed

PROFILE = composed("base")


def test_the_page_has_the_references_figures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photographs = make_collection(tmp_path / "made", people=6, photos=6)["images"]
    Path("run/data").mkdir(parents=True)
    photographs.rename("run/data/photographs")
    frame = make_frame(6, 6).sort_values("person_id", ignore_index=True)
    frame["label"] = (frame.person_id - 7) // 3
    number = frame.groupby("person_id").cumcount()
    is_known = frame.label < 4
    for split, chosen in {
        "train": is_known & (number < 3),
        "val": is_known & number.isin([3, 4]),
        "wild": is_known & (number == 5),
    }.items():
        tables.write(frame[chosen], Path(f"run/data/{split}.csv"), tables.SELECTED)
    others = frame[~is_known].assign(label=np.nan)
    others["role"] = np.where(others.person_id == others.person_id.min(), "query", "distractor")
    tables.write(others, Path("run/data/openset.csv"), tables.OPENSET)
    content = yaml.safe_load(PROFILE)
    content["evaluate"]["bootstrap_resamples"] = 20
    Path("run/params.yaml").write_text(yaml.safe_dump(content))
    entries = {"recognizers": {"public": reference_entry(Path("public.onnx"))}}
    Path("public.yaml").write_text(yaml.safe_dump(entries))
    reference.main(Path("public.yaml"), [Path("run")])
    page = reference.PAGE.read_text()
    assert "4 people with 12 photographs" in page and "8 in val, 4 in wild, 12 in the open" in page
    assert "the collection's own points" in page and "\n| public | " in page
    entries["recognizers"]["public"] = content["recognizers"]["ce"]
    Path("public.yaml").write_text(yaml.safe_dump(entries))
    with pytest.raises(ValueError, match="public: expected a reference, with `type: onnx`"):
        reference.main(Path("public.yaml"), [Path("run")])
