"""The choice of people and photographs."""
