"""The model card that is published beside a recogniser."""
