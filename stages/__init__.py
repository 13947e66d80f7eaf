"""The stages of the pipeline: each loads its parameters, reads tables, calls facerec, writes outputs."""
