"""The error rates of ISO/IEC 19795-1, from the rates of the course."""

from collections.abc import Mapping

from facerec.metrics.operating_points import OPERATING_FPRS


def iso_rates(values: Mapping[str, float]) -> dict[str, float]:
    """Returns the numbers of an open set under their names in ISO/IEC 19795-1.

    A false-match rate (FMR) is a false-positive rate, and the false-non-match rate (FNMR) is
    1 − the true-positive rate. In a 1:N search, the false-positive identification rate (FPIR) is
    the false-alarm rate. The false-negative identification rate (FNIR) is 1 − the share found
    (Grother, Ngan: NIST FRTE 1:N). Numbers that were not measured are left out.

    Args:
        values: metrics by name; those of an error rate have `_low` and `_high`.
    """
    result: dict[str, float] = {}
    for name in OPERATING_FPRS:
        result |= _complement(values, f"openset_tpr_at_fpr_{name}", f"fnmr_at_fmr_{name}")
        if (threshold := f"openset_threshold_at_fpr_{name}") in values:
            result[f"threshold_at_fmr_{name}"] = values[threshold]
        result |= _complement(
            values, f"search_found_at_false_alarms_{name}", f"fnir_at_fpir_{name}"
        )
    return result


def _complement(values: Mapping[str, float], hits: str, misses: str) -> dict[str, float]:
    """Returns 1 − a share of hits, with its interval, under a new name."""
    if hits not in values:
        return {}
    ends = {hits: misses, f"{hits}_high": f"{misses}_low", f"{hits}_low": f"{misses}_high"}
    return {name: round(1 - values[source], 6) for source, name in ends.items()}
