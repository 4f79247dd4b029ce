import ssl

import pytest

from runtime.exceptions import InvalidChannelLayerError
from runtime.layers.addresses import Address, Cluster, Sentinels, parse_hosts


def only(hosts):
    (place,) = parse_hosts(hosts)
    return place


def test_without_hosts_the_server_is_here():
    assert only(None) == only([]) == Address("localhost", 6379)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("redis://there:1/3", Address("there", 1, db=3)),
        (b"redis://there:1", Address("there", 1)),
        (("there", 1), Address("there", 1)),
        (["there", 1], Address("there", 1)),
        ({"host": "there", "port": 1, "db": 2}, Address("there", 1, db=2)),
        ({"address": "redis://there:1", "db": 2}, Address("there", 1, db=2)),
        ({"address": ("there", 1)}, Address("there", 1)),
        ("unix:///run/redis.sock?db=2", Address("", 0, "/run/redis.sock", 2)),
        ({"unix_socket_path": "/run/redis.sock"}, Address("", 0, "/run/redis.sock")),
    ],
)
def test_a_host_is_said_in_several_forms(host, address):
    assert only([host]) == address


@pytest.mark.parametrize(
    ("host", "login"),
    [
        ("redis://:secret@there:1", ("secret",)),
        ("redis://me:secret@there:1", ("me", "secret")),
        ({"host": "there", "password": "secret"}, ("secret",)),
        ({"address": ("there", 1), "username": "me", "password": "secret"}, ("me", "secret")),
    ],
)
def test_credentials_are_kept_and_not_shown(host, login):
    address = only([host])
    assert address.credentials.get_credentials() == login
    assert "secret" not in f"{address!r} {address}"


def test_without_credentials_there_are_none():
    assert only(["redis://there:1"]).credentials is None


def test_tls_is_said_by_the_scheme_or_by_an_option():
    for host in ("rediss://there:1", {"host": "there", "ssl": True}):
        assert only([host]).tls.verify_mode is ssl.CERT_REQUIRED
    assert only(["rediss://there:1?ssl_cert_reqs=none"]).tls.verify_mode is ssl.CERT_NONE
    assert only(["redis://there:1"]).tls is None


def test_options_of_pools_and_timeouts_of_redis_py_are_accepted():
    options = {"host": "there", "max_connections": 5, "socket_timeout": 5, "retry_on_timeout": True}
    assert only([options]) == Address("there", 6379)


def test_sentinels_have_options_of_their_own():
    host = {
        "sentinels": [("one", 1), ("two", 2)],
        "master_name": "principal",
        "sentinel_kwargs": {"password": "theirs"},
        "password": "ours",
        "db": 3,
    }
    place = only([host])
    assert isinstance(place, Sentinels)
    assert place.name == "principal"
    assert [(one.host, one.port) for one in place.sentinels] == [("one", 1), ("two", 2)]
    assert place.sentinels[0].credentials.get_credentials() == ("theirs",)
    assert place.template.credentials.get_credentials() == ("ours",)
    assert place.template.db == 3


def test_a_cluster_is_named_by_some_of_its_servers():
    nodes = (Address("one", 1), Address("two", 2))
    assert parse_hosts({"cluster": [("one", 1), "redis://two:2"]}) == Cluster(nodes)
    assert parse_hosts([("one", 1), ("two", 2)], cluster=True) == Cluster(nodes)


def test_another_server_is_spoken_to_in_the_same_way():
    address = only(["rediss://:secret@there:1/2"])
    other = address.at("elsewhere", 3)
    assert (other.host, other.port, other.db) == ("elsewhere", 3, 2)
    assert other.tls is address.tls
    assert other.credentials is address.credentials


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("redis://there", "must be a list of hosts, even if there is only one"),
        (5, "must be a list of hosts"),
        ([5], "a host is a URL, a pair"),
        (["http://there"], "no URL of a Redis server"),
        ([{"hots": "there"}], "unexpected keyword argument 'hots'"),
        ([{"master_name": "principal"}], "has 'sentinels'"),
        ({"cluster": ["redis://there/1"]}, "only the database 0"),
        ({"cluster": [{"sentinels": [("s", 1)], "master_name": "m"}]}, "has no Sentinels"),
    ],
)
def test_what_is_no_host_is_refused_with_what_was_expected(hosts, expected):
    with pytest.raises(InvalidChannelLayerError, match=f"(?i){expected}"):
        parse_hosts(hosts)


def test_a_refusal_does_not_say_the_password():
    with pytest.raises(InvalidChannelLayerError) as refusal:
        parse_hosts(["http://:secret@there"])
    assert "secret" not in str(refusal.value)
