"""Telegram: one bot, each chat a scope, run by `manage.py runtelegram`."""
