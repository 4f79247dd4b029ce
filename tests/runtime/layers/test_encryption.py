import pytest
from cryptography.fernet import InvalidToken

from runtime.layers.encryption import make_cipher


def test_the_first_key_encrypts_and_each_decrypts():
    old, both, new = make_cipher(["old"]), make_cipher(["new", b"old"]), make_cipher([b"new"])
    assert both.decrypt(old.encrypt(b"x")) == b"x"
    assert new.decrypt(both.encrypt(b"x")) == b"x"
    with pytest.raises(InvalidToken):
        old.decrypt(both.encrypt(b"x"))


@pytest.mark.parametrize("keys", ["secret", b"secret"])
def test_one_key_instead_of_a_list_is_refused(keys):
    with pytest.raises(ValueError, match=r"list of possible keys.*\[key\]"):
        make_cipher(keys)
