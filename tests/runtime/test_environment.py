from django.core import mail

from runtime.environment import is_development, is_test_environment


def test_a_test_is_a_test_and_development_too():
    assert is_test_environment()
    assert is_development()


def test_a_server_is_development_under_debug_alone(monkeypatch, settings):
    monkeypatch.delattr(mail, "outbox")
    assert not is_test_environment()
    assert not is_development()
    settings.DEBUG = True
    assert is_development()
