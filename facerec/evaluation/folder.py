"""The files of a recogniser's folder of evaluations, and their columns."""

METRICS = "metrics.json"  # all numbers, with intervals
THRESHOLDS = "thresholds.json"  # the first seed's thresholds on cosines, and its calibration
REPORT = "report.csv"  # a REPORT table: what each photograph of val and wild was taken for

ERROR_RATES = ["threshold", "fmr", "fmr_low", "fmr_high", "fnmr", "fnmr_low", "fnmr_high"]
CMC = ["exam", "rank", "rate", "low", "high"]
SEARCH = ["gallery_people", "fpir", "fnir", "low", "high"]
ERROR_SLICES = [
    *("slice", "group", "photographs", "people"),
    *("fnmr", "fnmr_low", "fnmr_high", "fmr", "fmr_low", "fmr_high", "threshold"),
]
DISCARD = ["exam", "measure", "discarded", "error", "photographs"]
QUALITY = ["sharpness", "exposure", "eye_distance", "yaw", "confidence", "embedding_norm"]
FAILURES = [  # attributes follow, if the collection has them
    *("exam", "kind", "image_id", "person_id"),
    *("taken_for_image_id", "taken_for_person_id", "really_image_id", "cosine", "threshold"),
    *QUALITY,
]
