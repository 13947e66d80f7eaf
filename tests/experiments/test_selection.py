import pandas as pd

from experiments.selection import markdown


def test_markdown_gives_the_mean_over_seeds_and_the_differences_between_strategies():
    labels = pd.DataFrame({"label": range(4)})
    hits = {  # on val, and on wild
        ("random", 1): ("h1111", "h0110"),
        ("random", 2): ("h1111", "h0100"),
        ("frontal", 1): ("h1010", "h1111"),
        ("frontal", 2): ("h0101", "h1111"),
    }
    rows = [
        {"strategy": strategy, "seed": seed, "photographs": 8, "seconds": 2.0}
        | {"val": val, "wild": wild}
        for (strategy, seed), (val, wild) in hits.items()
    ]
    drawn = {key: {"val": labels, "wild": labels} for key in hits}
    text = markdown(pd.DataFrame(rows), drawn, "3 epochs", "aligned faces")
    assert "4 people, 8 photographs" in text and "trainings of 3 epochs" in text
    random, frontal = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text.splitlines()
        if line.startswith(("| random", "| frontal"))
    ]
    assert random[0] == "random" and random[1].startswith("100.0 (") and "to 100.0)" in random[1]
    assert random[2].startswith("37.5 (") and random[3:5] == ["17.7", ""]
    assert random[5].startswith("-62.5 (") and random[6] == "62.5"
    assert frontal[1].startswith("50.0 (")
    assert frontal[2].startswith("100.0 (") and frontal[3] == "0.0"
    assert frontal[4].startswith("+62.5 (") and frontal[5:] == ["", "-50.0"]
