"""Measurements that anyone can repeat: difficulty of a collection, speed, memory."""
