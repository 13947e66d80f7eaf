"""The benchmark of the selection: what it compares is comparable."""

from benchmarks import selection_tables
from facerec.data.celeba import read_collection


def test_tables_of_celebas_layout_are_read_and_chosen_from(tmp_path):
    paths = selection_tables.write_tables(tmp_path, rows=3000, people=60)
    collection = read_collection(*paths)
    assert (
        len(collection.frame) == 3000
        and collection.frame.person_id.nunique() == 60
        and not collection.incomplete
    )
    chosen = selection_tables.choose(*paths)
    assert (chosen.groupby("person_id").size() == selection_tables.PHOTOS).all()


def test_the_notebooks_steps_keep_to_the_same_rules(tmp_path):
    paths = selection_tables.write_tables(tmp_path, rows=3000, people=60)
    ours, theirs = (
        steps(*paths, chosen=20) for steps in (selection_tables.choose, selection_tables.notebook)
    )
    for chosen in (ours, theirs):
        assert (chosen.groupby("person_id").size() == 20).all()
        assert (chosen.righteye_x - chosen.lefteye_x > 30).all()
