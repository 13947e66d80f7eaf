"""Measure a model's thresholds on people whose names you know, and store them beside it."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from facerec.engine.calibrate import embed_people, measure
from facerec.engine.collections import photographs_of_people
from facerec.engine.load import MODELS, calibrated, load_engine, model_path
from facerec.engine.operating_point import OperatingPoint
from facerec.evaluation.params import EvaluateParams, PublishParams, load_evaluate, load_publish
from facerec.gallery.store import Gallery


def main(
    people: Annotated[
        Path,
        Argument(
            help="a gallery, or a folder: with one for each person, or in CelebA's layout; several "
            "photographs of each person, of at least some dozens of people"
        ),
    ],
    model: Annotated[
        Path | None,
        Option(help="a checkpoint, or an ONNX file with a YAML; without: the published recogniser"),
    ] = None,
    models: Annotated[Path, Option(help="folder of the published models")] = MODELS,
    fpr: Annotated[
        float | None,
        Option(help="share of pairs of two people taken for one; without: publish.fpr"),
    ] = None,
    fpir: Annotated[
        float | None,
        Option(help="share of strangers that a search names; without: publish.fpir"),
    ] = None,
    out: Annotated[
        Path | None,
        Option(
            help="output: thresholds; without: MODEL.threshold.json, which is used from then on"
        ),
    ] = None,
) -> None:
    """Measure a model's thresholds on people whose names you know, and store them beside it."""
    rates = load_publish()
    chosen = {"fpr": fpr or rates.fpr, "fpir": fpir or rates.fpir}
    rates = PublishParams.model_validate(rates.model_dump() | chosen)
    point = _measured(people, model, models, rates, load_evaluate())
    file = out or calibrated(model_path(model, models))
    point.write(file)
    for line in _report(point, rates.fpir):
        print(line)
    print(f"written to {file}")


def _measured(
    source: Path, model: Path | None, models: Path, rates: PublishParams, evaluate: EvaluateParams
) -> OperatingPoint:
    engine = load_engine(model, models=models, with_thresholds=False)
    if source.is_dir():
        paths, people = photographs_of_people(source)
        embeddings, names, lost = embed_people(engine, paths, people)
        for reason, count in lost.items():
            if count:
                print(f"{count} of {len(paths)} photographs: {reason}")
    else:
        with Gallery.open(source, engine.fingerprint, engine.embedding_dim) as gallery:
            embeddings, ids, _ = gallery.embeddings()
        names = ids.tolist()
    return measure(embeddings, names, rates, evaluate, str(source), engine.fingerprint)


def _report(point: OperatingPoint, fpir: float) -> list[str]:
    """Returns what was measured, in words."""
    lines = [
        f"measured on {point.measured_on}",
        f"pairs: above a cosine of {point.verify_threshold:.3f} are {point.verify_fpr:.2%} of "
        f"{point.different_pairs:,} pairs of two people (95 % interval {point.fpr_low:.2%} to "
        f"{point.fpr_high:.2%}), and {point.tpr:.1%} of {point.same_pairs:,} pairs of one person "
        f"({point.tpr_low:.1%} to {point.tpr_high:.1%})",
    ]
    if point.search_threshold is None:
        lines.append(
            f"search: {fpir:g} of strangers needs at least {round(1 / fpir)} photographs, so no "
            "threshold; searches take that of pairs, and name more strangers"
        )
        return lines
    lines.append(
        f"search: above a cosine of {point.search_threshold:.3f} are {point.search_fpir:.1%} of "
        f"{point.searches:,} searches for a stranger among {point.gallery_people} people "
        f"({point.fpir_low:.1%} to {point.fpir_high:.1%}), and {point.found:.1%} of those for "
        f"somebody who is there find this person ({point.found_low:.1%} to {point.found_high:.1%})"
    )
    return lines
