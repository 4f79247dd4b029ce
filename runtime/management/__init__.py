"""What `manage.py` finds of the runtime."""
