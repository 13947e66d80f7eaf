"""The commands of `facerec` that use trained models, one module each."""
