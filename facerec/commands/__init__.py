"""The commands that use trained models, a module each: names for the faces of photographs."""
