"""The names of the files in a recogniser's folder of evaluations; the tables are <name>.csv."""

METRICS = "metrics.json"  # all numbers, with intervals
THRESHOLDS = "thresholds.json"  # the first seed's thresholds on cosines, and its calibration
REPORT = "report.csv"  # a REPORT table: what each photograph of val and wild was taken for
