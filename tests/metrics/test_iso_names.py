from facerec.metrics.iso_names import iso_rates


def test_an_error_rate_is_one_minus_the_share_of_hits_and_its_interval_is_mirrored():
    values = {
        "openset_tpr_at_fpr_1e-2": 0.7,
        "openset_tpr_at_fpr_1e-2_low": 0.6,
        "openset_tpr_at_fpr_1e-2_high": 0.9,
        "openset_threshold_at_fpr_1e-2": 0.4,
        "search_found_at_false_alarms_1e-1": 0.25,
        "search_found_at_false_alarms_1e-1_low": 0.0,
        "search_found_at_false_alarms_1e-1_high": 1.0,
    }
    assert iso_rates(values) == {
        "fnmr_at_fmr_1e-2": 0.3,
        "fnmr_at_fmr_1e-2_low": 0.1,
        "fnmr_at_fmr_1e-2_high": 0.4,
        "threshold_at_fmr_1e-2": 0.4,
        "fnir_at_fpir_1e-1": 0.75,
        "fnir_at_fpir_1e-1_low": 0.0,
        "fnir_at_fpir_1e-1_high": 1.0,
    }


def test_what_was_not_measured_has_no_name():
    assert iso_rates({"val_top1": 0.5}) == {}
