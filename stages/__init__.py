"""The stages of the pipeline: each reads parameters and tables, calls facerec, writes outputs."""
