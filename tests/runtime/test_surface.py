"""The names and signatures that projects and libraries use, as a table.

The left column is what Channels 4.3 offers under `channels`. A signature may have more
than that, as long as whoever calls it, or overrides it, as Channels has it gets along.
"""

import inspect
from importlib import import_module

import pytest

SURFACE = """
__version__
DEFAULT_CHANNEL_LAYER
install_as_channels()
apps.ChannelsConfig(app_name, app_module)

consumer.get_handler_name(message)
consumer.AsyncConsumer()
consumer.AsyncConsumer.as_asgi(**initkwargs)
consumer.AsyncConsumer.channel_layer_alias
consumer.AsyncConsumer._sync
async consumer.AsyncConsumer.__call__(self, scope, receive, send)
async consumer.AsyncConsumer.dispatch(self, message)
async consumer.AsyncConsumer.send(self, message)
consumer.SyncConsumer()
async consumer.SyncConsumer.dispatch(self, message)
consumer.SyncConsumer.send(self, message)

generic.websocket.WebsocketConsumer(*args, **kwargs)
generic.websocket.WebsocketConsumer.groups
generic.websocket.WebsocketConsumer.websocket_connect(self, message)
generic.websocket.WebsocketConsumer.websocket_receive(self, message)
generic.websocket.WebsocketConsumer.websocket_disconnect(self, message)
generic.websocket.WebsocketConsumer.connect(self)
generic.websocket.WebsocketConsumer.accept(self, subprotocol=None, headers=None)
generic.websocket.WebsocketConsumer.receive(self, text_data=None, bytes_data=None)
generic.websocket.WebsocketConsumer.send(self, text_data=None, bytes_data=None, close=False)
generic.websocket.WebsocketConsumer.close(self, code=None, reason=None)
generic.websocket.WebsocketConsumer.disconnect(self, code)
generic.websocket.JsonWebsocketConsumer(*args, **kwargs)
generic.websocket.JsonWebsocketConsumer.receive(self, text_data=None, bytes_data=None, **kwargs)
generic.websocket.JsonWebsocketConsumer.receive_json(self, content, **kwargs)
generic.websocket.JsonWebsocketConsumer.send_json(self, content, close=False)
generic.websocket.JsonWebsocketConsumer.decode_json(text_data)
generic.websocket.JsonWebsocketConsumer.encode_json(content)
generic.websocket.AsyncWebsocketConsumer(*args, **kwargs)
generic.websocket.AsyncWebsocketConsumer.groups
async generic.websocket.AsyncWebsocketConsumer.websocket_connect(self, message)
async generic.websocket.AsyncWebsocketConsumer.websocket_receive(self, message)
async generic.websocket.AsyncWebsocketConsumer.websocket_disconnect(self, message)
async generic.websocket.AsyncWebsocketConsumer.connect(self)
async generic.websocket.AsyncWebsocketConsumer.accept(self, subprotocol=None, headers=None)
async generic.websocket.AsyncWebsocketConsumer.receive(self, text_data=None, bytes_data=None)
async generic.websocket.AsyncWebsocketConsumer.send(\
self, text_data=None, bytes_data=None, close=False)
async generic.websocket.AsyncWebsocketConsumer.close(self, code=None, reason=None)
async generic.websocket.AsyncWebsocketConsumer.disconnect(self, code)
generic.websocket.AsyncJsonWebsocketConsumer(*args, **kwargs)
async generic.websocket.AsyncJsonWebsocketConsumer.receive(\
self, text_data=None, bytes_data=None, **kwargs)
async generic.websocket.AsyncJsonWebsocketConsumer.receive_json(self, content, **kwargs)
async generic.websocket.AsyncJsonWebsocketConsumer.send_json(self, content, close=False)
async generic.websocket.AsyncJsonWebsocketConsumer.decode_json(text_data)
async generic.websocket.AsyncJsonWebsocketConsumer.encode_json(content)

generic.http.AsyncHttpConsumer(*args, **kwargs)
async generic.http.AsyncHttpConsumer.send_headers(self, *, status=200, headers=None)
async generic.http.AsyncHttpConsumer.send_body(self, body, *, more_body=False)
async generic.http.AsyncHttpConsumer.send_response(self, status, body, **kwargs)
async generic.http.AsyncHttpConsumer.handle(self, body)
async generic.http.AsyncHttpConsumer.disconnect(self)
async generic.http.AsyncHttpConsumer.http_request(self, message)
async generic.http.AsyncHttpConsumer.http_disconnect(self, message)

layers.DEFAULT_CHANNEL_LAYER
layers.ChannelFull
layers.InvalidChannelLayerError
layers.channel_layers
layers.get_channel_layer(alias='default')
layers.ChannelLayerManager()
layers.ChannelLayerManager.configs
layers.ChannelLayerManager.make_backend(self, name)
layers.ChannelLayerManager.make_test_backend(self, name)
layers.ChannelLayerManager.set(self, key, layer)
layers.ChannelLayerManager.__getitem__(self, key)
layers.ChannelLayerManager.__contains__(self, key)
layers.BaseChannelLayer(expiry=60, capacity=100, channel_capacity=None)
layers.BaseChannelLayer.MAX_NAME_LENGTH
layers.BaseChannelLayer.channel_name_regex
layers.BaseChannelLayer.group_name_regex
layers.BaseChannelLayer.invalid_name_error
layers.BaseChannelLayer.compile_capacities(self, channel_capacity)
layers.BaseChannelLayer.get_capacity(self, channel)
layers.BaseChannelLayer.match_type_and_length(self, name)
layers.BaseChannelLayer.require_valid_channel_name(self, name, receive=False)
layers.BaseChannelLayer.require_valid_group_name(self, name)
layers.BaseChannelLayer.valid_channel_names(self, names, receive=False)
layers.BaseChannelLayer.valid_channel_name(self, channel_name, receive=False)
layers.BaseChannelLayer.valid_group_name(self, group_name)
layers.BaseChannelLayer.non_local_name(self, name)
async layers.BaseChannelLayer.send(self, channel, message)
async layers.BaseChannelLayer.receive(self, channel)
async layers.BaseChannelLayer.new_channel(self)
async layers.BaseChannelLayer.flush(self)
async layers.BaseChannelLayer.group_add(self, group, channel)
async layers.BaseChannelLayer.group_discard(self, group, channel)
async layers.BaseChannelLayer.group_send(self, group, message)
layers.InMemoryChannelLayer(\
expiry=60, group_expiry=86400, capacity=100, channel_capacity=None)
layers.InMemoryChannelLayer.extensions
async layers.InMemoryChannelLayer.send(self, channel, message)
async layers.InMemoryChannelLayer.receive(self, channel)
async layers.InMemoryChannelLayer.close(self)

routing.get_default_application()
routing.ProtocolTypeRouter(application_mapping)
routing.URLRouter(routes)
routing.URLRouter._path_routing
routing.ChannelNameRouter(application_mapping)

auth.get_user(scope)
auth.login(scope, user, backend=None)
auth.logout(scope)
auth.UserLazyObject()
auth.AuthMiddleware(inner)
auth.AuthMiddleware.populate_scope(self, scope)
async auth.AuthMiddleware.resolve_scope(self, scope)
auth.AuthMiddlewareStack(inner)

sessions.CookieMiddleware(inner)
sessions.CookieMiddleware.set_cookie(message, key, value='', max_age=None, expires=None, path='/', \
domain=None, secure=False, httponly=False, samesite='lax')
sessions.CookieMiddleware.delete_cookie(message, key, path='/', domain=None)
sessions.InstanceSessionWrapper(scope, send)
sessions.InstanceSessionWrapper.save_message_types
sessions.InstanceSessionWrapper.cookie_response_message_types
async sessions.InstanceSessionWrapper.resolve_session(self)
async sessions.InstanceSessionWrapper.send(self, message)
async sessions.InstanceSessionWrapper.save_session(self)
sessions.SessionMiddleware(inner)
sessions.SessionMiddlewareStack(inner)

middleware.BaseMiddleware(inner)
async middleware.BaseMiddleware.__call__(self, scope, receive, send)
security.websocket.OriginValidator(application, allowed_origins)
security.websocket.OriginValidator.valid_origin(self, parsed_origin)
security.websocket.OriginValidator.validate_origin(self, parsed_origin)
security.websocket.OriginValidator.match_allowed_origin(self, parsed_origin, pattern)
security.websocket.OriginValidator.get_origin_port(self, origin)
security.websocket.AllowedHostsOriginValidator(application)
security.websocket.WebsocketDenier(*args, **kwargs)

db.DatabaseSyncToAsync(func, thread_sensitive=True, executor=None, context=None)
db.DatabaseSyncToAsync.thread_handler(self, loop, *args, **kwargs)
db.database_sync_to_async(func, thread_sensitive=True, executor=None, context=None)
db.close_old_connections()
async db.aclose_old_connections()
utils.name_that_thing(thing)
async utils.await_many_dispatch(consumer_callables, dispatch)

worker.Worker(application, channels, channel_layer, max_applications=1000)
worker.Worker.run(self)
async worker.Worker.handle(self)
async worker.Worker.listener(self, channel)
management.commands.runworker.Command.worker_class
management.commands.runworker.Command.handle(self, *args, **options)

exceptions.RequestAborted
exceptions.RequestTimeout
exceptions.InvalidChannelLayerError
exceptions.AcceptConnection
exceptions.DenyConnection
exceptions.ChannelFull
exceptions.MessageTooLarge
exceptions.StopConsumer

testing.ApplicationCommunicator(application, scope)
async testing.ApplicationCommunicator.send_input(self, message)
async testing.ApplicationCommunicator.receive_output(self, timeout=1)
async testing.ApplicationCommunicator.receive_nothing(self, timeout=0.1, interval=0.01)
async testing.ApplicationCommunicator.wait(self, timeout=1)
testing.ApplicationCommunicator.stop(self, exceptions=True)
testing.HttpCommunicator(application, method, path, body=b'', headers=None)
async testing.HttpCommunicator.get_response(self, timeout=1)
testing.WebsocketCommunicator(\
application, path, headers=None, subprotocols=None, spec_version=None)
async testing.WebsocketCommunicator.connect(self, timeout=1)
async testing.WebsocketCommunicator.send_to(self, text_data=None, bytes_data=None)
async testing.WebsocketCommunicator.send_json_to(self, data)
async testing.WebsocketCommunicator.receive_from(self, timeout=1)
async testing.WebsocketCommunicator.receive_json_from(self, timeout=1)
async testing.WebsocketCommunicator.disconnect(self, code=1000, timeout=1)
testing.ChannelsLiveServerTestCase.host
testing.ChannelsLiveServerTestCase.ProtocolServerProcess
testing.ChannelsLiveServerTestCase.static_wrapper
testing.ChannelsLiveServerTestCase.serve_static
testing.live.make_application(*, static_wrapper)
testing.live.set_database_connection()
testing.application.ApplicationCommunicator
testing.http.HttpCommunicator
testing.websocket.WebsocketCommunicator
"""

ATTRIBUTES_OF_INSTANCES = {
    "generic.http.AsyncHttpConsumer": {"body"},
    "layers.ChannelLayerManager": {"backends"},
    "layers.BaseChannelLayer": {"expiry", "capacity", "channel_capacity"},
    "layers.InMemoryChannelLayer": {"channels", "groups", "group_expiry"},
}


def lines():
    return [line for line in SURFACE.splitlines() if line]


def find(dotted):
    """Return what stands under that name in the runtime, importing as far as it goes."""
    found = import_module("runtime")
    name = "runtime"
    for part in dotted.split("."):
        name += f".{part}"
        if not hasattr(found, part):
            import_module(name)
        found = getattr(found, part)
    return found


def parameters(text):
    """Return the parameters that a line of the table asks for."""
    scope: dict[str, object] = {}
    exec(f"def function({text}): ...", scope)
    return list(inspect.signature(scope["function"]).parameters.values())


@pytest.mark.parametrize("line", lines())
def test_the_surface_has(line):
    dotted, bracket, text = line.removeprefix("async ").partition("(")
    found = find(dotted)
    if not bracket:
        return
    assert inspect.iscoroutinefunction(found) or not line.startswith("async ")
    actual = list(inspect.signature(found).parameters.values())
    wanted = parameters(text.removesuffix(")"))
    named = {one.name: one for one in actual}
    for one in wanted:
        assert one.name in named, f"there is no {one.name}"
        assert (named[one.name].kind, named[one.name].default) == (one.kind, one.default), one.name
    order = [one.name for one in actual if one.name in {other.name for other in wanted}]
    assert order == [one.name for one in wanted]
    more = [one for one in actual if one.name not in {other.name for other in wanted}]
    assert all(one.default is not one.empty for one in more), "what is more must be optional"


@pytest.mark.parametrize(("dotted", "names"), ATTRIBUTES_OF_INSTANCES.items())
def test_an_instance_has(dotted, names):
    assert names <= vars(find(dotted)()).keys()


def test_the_exceptions_descend_from_what_suites_catch():
    exceptions = import_module("runtime.exceptions")
    assert issubclass(exceptions.RequestTimeout, exceptions.RequestAborted)
    assert issubclass(exceptions.InvalidChannelLayerError, ValueError)


def test_as_asgi_keeps_the_name_and_the_documentation_of_its_consumer():
    consumer = find("generic.websocket.AsyncWebsocketConsumer")
    application = consumer.as_asgi(key=1)
    assert application.consumer_class is consumer
    assert application.consumer_initkwargs == {"key": 1}
    assert (application.__name__, application.__doc__) == (consumer.__name__, consumer.__doc__)
